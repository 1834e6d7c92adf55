/** Six figures of this node; below each, small, what the other nodes say, and a way to its cause. */
import type { ComponentChildren } from 'preact';
import type { MetricsView } from '../../actors/observation.ts';
import { members, own, state } from '../live.ts';
import { format, words } from '../preferences.ts';

interface CardProps {
  readonly name: string;
  readonly figure: string;
  readonly hint?: ComponentChildren;
  readonly alarm?: boolean;
  readonly others: (metrics: MetricsView) => string;
}

function Card({ name, figure, hint, alarm = false, others }: CardProps) {
  const self = state.hello.value?.node;
  return (
    <div class={alarm ? 'card bad' : 'card'}>
      <dt>{name}</dt>
      <dd class="figure">{figure}</dd>
      <dd class="hint">{hint}</dd>
      <dd class="others">
        {members.value.map(({ node, view }) =>
          node === self || view === null ? null : (
            <span key={node}>
              {node}: {others(view.metrics)}
            </span>
          ),
        )}
      </dd>
    </div>
  );
}

export function Cards() {
  const w = words.value;
  const f = format.value;
  const metrics = own.value?.view?.metrics;
  const say = (figure: (metrics: MetricsView) => string): string => (metrics === undefined ? '–' : figure(metrics));
  // Replication is timed by who does it: what a follower measures is that of times when it led.
  const leading = members.value.find(({ standing }) => standing === 'leading');
  const timed = leading?.view?.metrics ?? metrics;
  /** 0: nothing was measured there. */
  const latency = (ms: number): string => (ms === 0 ? '–' : f.duration(ms));
  const violations = members.value.reduce((sum, { view }) => Math.max(sum, view?.metrics.violations ?? 0), 0);
  return (
    <section aria-label={w.figures}>
      <dl class="cards">
        <Card
          name={w.sent}
          figure={say(({ sent }) => f.count(sent))}
          hint={w.sentHint}
          others={({ sent }) => f.short(sent)}
        />
        <Card
          name={w.received}
          figure={say(({ received }) => f.count(received))}
          hint={w.receivedHint}
          others={({ received }) => f.short(received)}
        />
        <Card
          name={w.violations}
          figure={say((own) => f.count(own.violations))}
          hint={metrics && (violations > 0 ? <a href="#overview/violations">⚠ {w.seeThem}</a> : `✓ ${w.noneFound}`)}
          alarm={violations > 0}
          others={(other) => f.count(other.violations)}
        />
        <Card
          name={w.latency}
          figure={say(({ averageMs }) => latency(timed?.averageMs ?? averageMs))}
          hint={
            timed &&
            [w.p95(latency(timed.p95Ms)), ...(leading && timed !== metrics ? [w.atLeader(leading.node)] : [])].join(
              ', ',
            )
          }
          others={({ averageMs }) => latency(averageMs)}
        />
        <Card
          name={w.throughput}
          figure={say(({ perSecond }) => w.perSecond(f.count(perSecond)))}
          hint={w.lastTenSeconds}
          others={({ perSecond }) => w.perSecond(f.short(perSecond))}
        />
        <Card
          name={w.elections}
          figure={say(({ elections }) => f.count(elections))}
          hint={<a href="#network/timeline">{w.toTimeline}</a>}
          others={({ elections }) => f.count(elections)}
        />
      </dl>
    </section>
  );
}
