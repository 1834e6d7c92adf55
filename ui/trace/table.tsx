/** The window as a table: the same events, order, choice and keys as the diagram, for those who do not see it. */
import { format, wordsOf } from '../preferences.ts';
import { choose, nodes, picture, relations, saying, selected, shown } from './store.ts';
import { sayFate, sayRelation, sayWhat, traceWords } from './words.ts';

const spanOf = ([from, to]: readonly [number, number], count: (value: number) => string): string =>
  from === to ? count(from) : `${count(from)} – ${count(to)}`;

export function EventTable() {
  const w = wordsOf(traceWords);
  const f = format.value;
  const relation = relations.value;
  const { graph } = picture.value;
  if (nodes.value.length === 0 || shown.value.length === 0) return <p>{w.empty}</p>;
  return (
    <table class="events">
      <thead>
        <tr>
          <th class="number">Lamport</th>
          <th>{w.node}</th>
          <th>{w.event}</th>
          <th class="ids">{w.messages}</th>
          <th class="clock">{w.time}</th>
          {relation !== null && <th>{w.relation}</th>}
        </tr>
      </thead>
      <tbody>
        {shown.value.map((event) => {
          const how = relation?.(event);
          const fate = event.kind === 'send' ? sayFate(graph.fate(event), w) : '';
          return (
            <tr
              key={event.id}
              class={how === 'concurrent' ? 'concurrent' : ''}
              {...(event === selected.value && { 'aria-current': 'true' as const })}
              onClick={() => choose(event.id)}
            >
              <td class="number">{f.count(event.lamport)}</td>
              <td>{event.node}</td>
              <td>
                <span class={`group ${event.group}`} aria-hidden="true" /> {sayWhat(event, saying.value)}
                {fate !== '' && <span class="faint"> ({fate})</span>}
                {event.violation && <strong class="bad"> ✕ {w.violation}</strong>}
              </td>
              <td class="ids">{event.ids === undefined ? '' : spanOf(event.ids, f.count)}</td>
              <td class="clock">{f.clockMs(event.wallMs)}</td>
              {how !== undefined && <td>{sayRelation(how, w)}</td>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
