/** The text twin of a chart: its states as a nested list with what is active, its transitions as a table. */
import type { ChartState, ChartView } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { wordsOf } from '../preferences.ts';
import { type Nested, nestedOf } from './drawing.ts';
import { transitionsOf } from './tree.ts';
import { actorWords } from './words.ts';

type Active = ReadonlyMap<string, readonly NodeId[]>;

function does(state: ChartState): readonly string[] {
  const w = wordsOf(actorWords);
  const said = (word: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${word}: ${names.join(', ')}`];
  return [
    ...(state.initial && state.parent !== null ? [w.initial] : []),
    ...said(w.entry, state.entry),
    ...said(w.exit, state.exit),
    ...said(w.invokes, state.invokes),
  ];
}

function States({ nested, active }: { readonly nested: readonly Nested[]; readonly active: Active }) {
  const w = wordsOf(actorWords);
  return (
    <ul>
      {nested.map(({ state, children }) => {
        const nodes = active.get(state.id);
        return (
          <li key={state.id}>
            {nodes === undefined ? state.label : <strong>{state.label}</strong>}
            {nodes !== undefined && <span class="lead"> ● {w.active(nodes.join(', '))}</span>}
            <span class="faint"> {does(state).join(' · ')}</span>
            {children.length > 0 && <States nested={children} active={active} />}
          </li>
        );
      })}
    </ul>
  );
}

export function ChartLists({ chart, active }: { readonly chart: ChartView; readonly active: Active }) {
  const w = wordsOf(actorWords);
  return (
    <div class="twins">
      <section aria-labelledby="states-title">
        <h4 id="states-title">{w.states}</h4>
        <States nested={nestedOf(chart)} active={active} />
      </section>
      <section aria-labelledby="transitions-title">
        <h4 id="transitions-title">{w.transitions}</h4>
        {/* Scrolls sideways on a phone: whoever has no pointer walks to it. */}
        <div class="sideways" {...scrollable('transitions-title')}>
          <table class="transitions">
            <thead>
              <tr>
                <th>{w.from}</th>
                <th>{w.event}</th>
                <th>{w.guard}</th>
                <th>{w.to}</th>
                <th>{w.actions}</th>
              </tr>
            </thead>
            <tbody>
              {transitionsOf(chart).map(({ key, from, event, guard, to, actions }) => (
                <tr key={key}>
                  <td>{from}</td>
                  <td>{event.startsWith('after ') ? `◷ ${event}` : event}</td>
                  <td>{guard ?? ''}</td>
                  <td>{to ?? <span class="faint">{w.stays}</span>}</td>
                  <td>{actions.join(', ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  );
}

export const scrollable = (label: string) => ({ role: 'group' as const, tabIndex: 0, 'aria-labelledby': label });
