/** The actors page. */
import { state, useWish } from '../live.ts';
import { words } from '../preferences.ts';

export function ActorsPage() {
  useWish({ actors: true });
  return (
    <section class="panel">
      <h3>{words.value.actors}</h3>
      {[...state.nodes.value.values()].map(({ view }) => (
        <ul key={view.node}>
          {(view.actors ?? []).map((actor) => (
            <li key={actor.id}>
              {view.node} {actor.id} {(actor.states ?? []).join(', ')}
            </li>
          ))}
        </ul>
      ))}
    </section>
  );
}
