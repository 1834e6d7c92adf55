/** Who has what; and the round trips of all ordered pairs, as each node measures them itself. */
import { isUp } from '../cluster.ts';
import { members } from '../live.ts';
import { NodeName } from '../nodeName.tsx';
import { Behind } from '../overview/nodes.tsx';
import { format } from '../preferences.ts';
import { StandingMark } from '../standing.tsx';
import { type Cell, cellOf, pairsOf, warmthOf } from './links.ts';
import { words } from './texts.ts';

export function NodesTable() {
  const w = words.value;
  const f = format.value;
  return (
    <section class="panel wide" aria-labelledby="nodes-table">
      <div class="panel-head">
        <h3 id="nodes-table">{w.nodesTable}</h3>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard too. */}
      <section class="sideways" tabIndex={0} aria-label={`${w.nodesTable}: ${w.state}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">{w.node}</th>
              <th scope="col">{w.state}</th>
              {[w.lamport, w.last, w.durable, w.committed, w.lag, w.uptime, w.disk].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {members.value.map((member) => {
              const status = member.view?.status;
              return (
                <tr key={member.node} class={isUp(member) ? '' : 'faint'}>
                  <th scope="row">
                    <NodeName node={member.node} />
                  </th>
                  <td>
                    <StandingMark standing={member.standing} />
                    {!isUp(member) && member.madeAtMs !== null && (
                      <span class="faint"> {w.lastHeard(f.clock(member.madeAtMs))}</span>
                    )}
                  </td>
                  {[status?.lamport, status?.lastIndex, status?.durableIndex, status?.commitIndex].map((value, i) => (
                    <td key={i} class="number">
                      {value === undefined ? '–' : f.count(value)}
                    </td>
                  ))}
                  <td class="number behind">
                    <Behind node={member.node} />
                  </td>
                  <td class="number">{status === undefined ? '–' : f.span(status.uptimeSeconds * 1000)}</td>
                  <td class={status?.diskFull ? 'number bad' : 'number'}>
                    {status?.diskFull ? `⚠ ${w.full}` : status?.diskUsed == null ? '–' : f.share(status.diskUsed)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function HeatCell({ cell }: { readonly cell: Cell }) {
  const w = words.value;
  switch (cell.kind) {
    case 'self':
      return (
        <td class="self">
          –<span class="unseen">{w.heatSelf}</span>
        </td>
      );
    case 'unknown':
      return (
        <td class="unknown">
          ?<span class="unseen">{w.heatUnknown}</span>
        </td>
      );
    case 'cut':
      return (
        <td class="cut">
          ✕<span class="unseen">{w.heatCut(cell.error ?? '')}</span>
        </td>
      );
    case 'up':
      return <td class={`warm${warmthOf(cell.rttMs)}`}>{format.value.duration(cell.rttMs)}</td>;
  }
}

export function HeatMap() {
  const w = words.value;
  const all = members.value;
  const errors = pairsOf(all).flatMap(({ from, to, cell }) =>
    (cell.kind === 'cut' || cell.kind === 'up') && cell.error !== null
      ? [{ from, to, isCut: cell.kind === 'cut', error: cell.error }]
      : [],
  );
  return (
    <section class="panel" aria-labelledby="heat">
      <div class="panel-head">
        <h3 id="heat">{w.heat}</h3>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard too. */}
      <section class="sideways" tabIndex={0} aria-label={`${w.heat}: ${w.heatFrom}`}>
        <table class="heat">
          <thead>
            <tr>
              <th scope="col">{w.heatFrom}</th>
              {all.map(({ node }) => (
                <th key={node} scope="col">
                  {node}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map((from) => (
              <tr key={from.node}>
                <th scope="row">{from.node}</th>
                {all.map((to) => (
                  <HeatCell key={to.node} cell={cellOf(from, to.node)} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {errors.length > 0 && (
        <ul class="errors">
          {errors.map(({ from, to, isCut, error }) => (
            <li key={`${from}-${to}`}>
              <b class={isCut ? 'bad' : 'faint'}>
                {isCut ? '✕ ' : ''}
                {from} → {to}
              </b>{' '}
              {isCut ? '' : `${w.lastError}: `}
              <span lang="en">{error}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
