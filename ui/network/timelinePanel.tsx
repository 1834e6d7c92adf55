/** A lane for each node with the spans in which it led, the gaps in red, and below the same in words. */
import { useEffect, useRef } from 'preact/hooks';
import { roundOf } from '../cluster.ts';
import { members, own, state } from '../live.ts';
import { format } from '../preferences.ts';
import { place } from '../routes.tsx';
import { words } from './texts.ts';
import { type Gap, type Span, type Told, timelineOf, toldBy } from './timeline.ts';

const shownStories = 60;
/** Thinner would not be seen. */
const leastPercent = 0.4;

function Stories({ told }: { readonly told: readonly Told[] }) {
  const w = words.value;
  const f = format.value;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard too.
    <section class="stories" tabIndex={0} aria-label={w.sinceStart}>
      <table>
        <thead>
          <tr>
            <th scope="col">{w.time}</th>
            <th scope="col">{w.node}</th>
            <th scope="col">{w.event}</th>
            <th scope="col" class="number">
              {w.epoch}
            </th>
            <th scope="col">{w.leader}</th>
            <th scope="col" class="number">
              {w.lamport}
            </th>
          </tr>
        </thead>
        <tbody>
          {told
            .slice(-shownStories)
            .reverse()
            .map((one) => (
              <tr key={`${one.node} ${one.wallMs} ${one.lamport} ${one.event}`}>
                <td>{f.clockMs(one.wallMs)}</td>
                <td>{one.node}</td>
                <td lang="en">
                  <b>{one.event}</b> <span class="faint">{one.words}</span>
                </td>
                <td class="number">{f.count(roundOf(one.epoch))}</td>
                <td>{one.leader ?? '–'}</td>
                <td class="number">{f.count(one.lamport)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  );
}

export function TimelinePanel() {
  const w = words.value;
  const f = format.value;
  const section = useRef<HTMLElement>(null);
  const wanted = place.value;
  useEffect(() => {
    if (wanted === 'timeline') section.current?.scrollIntoView();
  }, [wanted]);
  const told = toldBy(state.stories.value);
  const status = own.value?.view?.status;
  const nowMs = state.now.value + state.clockOffsetMs.value;
  const line = timelineOf(told, { leader: status?.leader ?? null, epoch: status?.epoch ?? 0 }, nowMs);
  const wholeMs = Math.max(1, line.toMs - line.fromMs);
  const box = ({ fromMs, toMs }: Gap | Span): { left: string; width: string } => ({
    left: `${(100 * (fromMs - line.fromMs)) / wholeMs}%`,
    width: `${Math.max(leastPercent, (100 * (toMs - fromMs)) / wholeMs)}%`,
  });
  const said = [
    ...line.spans.map((span) => ({
      at: span.fromMs,
      text: w.timelineSpan(span.node, f.clock(span.fromMs), span.isOpen ? w.timelineNow : f.clock(span.toMs)),
    })),
    ...line.gaps.map((gap) => ({ at: gap.fromMs, text: w.timelineGap(f.clock(gap.fromMs), f.clock(gap.toMs)) })),
  ].sort((a, b) => a.at - b.at);
  return (
    <section class="panel wide" aria-labelledby="timeline" ref={section}>
      <div class="panel-head">
        <h3 id="timeline">{w.timeline}</h3>
        <ul class="legend">
          <li>
            <span class="key span" /> {w.legendLeader}
          </li>
          <li>
            <span class="key gap" /> {w.legendGap}
          </li>
        </ul>
      </div>
      {told.length === 0 ? (
        <p class="empty">{w.noStories}</p>
      ) : (
        <>
          <div
            class="lanes"
            role="img"
            aria-label={`${w.timeline}: ${said
              .slice(-8)
              .map(({ text }) => text)
              .join('; ')}`}
          >
            {members.value.map(({ node }) => (
              <div class="lane" key={node}>
                <span class="name">{node}</span>
                <span class="track">
                  {line.gaps.map((gap) => (
                    <span key={gap.fromMs} class="gap" style={box(gap)} />
                  ))}
                  {line.spans
                    .filter((span) => span.node === node)
                    .map((span) => (
                      <span key={span.epoch} class="span" style={box(span)} />
                    ))}
                </span>
              </div>
            ))}
            <div class="ends">
              <span>{f.clock(line.fromMs)}</span>
              <span>{w.timelineNow}</span>
            </div>
          </div>
          <Stories told={told} />
        </>
      )}
    </section>
  );
}
