/** The nodes in short: how each stands, and how far it is behind the leader. */
import { leader, members } from '../live.ts';
import { format, words } from '../preferences.ts';
import { StandingMark } from '../standing.tsx';

/** Entries; known to the leader alone. */
export function lagOf(node: number): number | null {
  const leading = members.value.find((member) => member.node === leader.value);
  return leading?.view?.links.find(({ peer }) => peer === node)?.lag ?? null;
}

export function Nodes() {
  const w = words.value;
  const f = format.value;
  return (
    <section class="panel" aria-labelledby="nodes">
      <div class="panel-head">
        <h3 id="nodes">{w.cluster}</h3>
        <a href="#network">{w.toNetwork}</a>
      </div>
      <ul class="nodes">
        {members.value.map(({ node, standing, view }) => {
          const lag = lagOf(node);
          return (
            <li key={node}>
              <b>{node}</b>
              <StandingMark standing={standing} />
              <span class="faint">{lag === null ? '' : w.lagOf(f.count(lag))}</span>
              <span class="faint number">{view === null ? '' : `L ${f.short(view.status.lamport)}`}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
