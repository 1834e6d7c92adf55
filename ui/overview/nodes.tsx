/** The nodes in short: how each stands, and how far it is behind the leader. */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { members } from '../live.ts';
import { NodeName } from '../nodeName.tsx';
import { format, words } from '../preferences.ts';
import { StandingMark } from '../standing.tsx';
import { lagHistory, lagOf } from './lags.ts';
import { sparkline } from './sparkline.ts';

export function Behind({ node }: { readonly node: NodeId }) {
  const w = words.value;
  const f = format.value;
  const lag = lagOf(node);
  const line = sparkline(lagHistory.value.get(node) ?? [], 40, 16);
  if (lag === null) return <span class="faint">–</span>;
  return (
    <>
      {line !== null && (
        <svg class="spark" width="40" height="16" role="img" aria-label={w.lagOverTime}>
          <polyline points={line} />
        </svg>
      )}{' '}
      <span class="faint">
        {w.lagOf(f.count(lag.entries))}
        {lag.ms !== null && lag.ms >= 1000 && ` ${w.lagTime(f.span(lag.ms))}`}
      </span>
    </>
  );
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
        {members.value.map(({ node, standing, view }) => (
          <li key={node}>
            <b>
              <NodeName node={node} />
            </b>
            <StandingMark standing={standing} />
            <span class="behind">
              <Behind node={node} />
            </span>
            <span class="faint number">{view === null ? '' : `L ${f.short(view.status.lamport)}`}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
