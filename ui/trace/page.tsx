/** The space-time page. */
import { state, useWish } from '../live.ts';
import { words } from '../preferences.ts';

export function TracePage() {
  useWish({ trace: true });
  const events = [...state.nodes.value.values()].flatMap(({ view }) =>
    (view.trace?.events ?? []).map((event) => ({ node: view.node, event })),
  );
  return (
    <section class="panel">
      <h3>{words.value.trace}</h3>
      <ul>
        {events.map(({ node, event }) => (
          <li key={`${node}:${event.seq}`}>
            {node} L={event.lamport} {event.kind} {event.what}
          </li>
        ))}
      </ul>
    </section>
  );
}
