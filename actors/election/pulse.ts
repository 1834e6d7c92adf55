/**
 * Pulse: the heartbeats and pings of a quiet cluster, taken past the election's statechart.
 *
 * Both come twenty times a second from every peer, and almost always there is nothing to decide: noting them is all, but
 * a statechart takes ten times as long to find that out. So what changes no state is noted here, by the chart's own steps.
 *
 * A1. The chart is whole without this: it would do the same, in the same order.
 */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { armHeartbeat, armWake, type ElectionContext, type Events, noteLate, notePing, now, ping } from './steps.ts';

/** No leader was lost or found, no campaign begins, and no office ends. */
function isCalm(context: ElectionContext, leads: boolean): boolean {
  const { ballot, timers } = context;
  const at = now({ context });
  if (at - timers.heartbeatAt > ballot.timing.suspectMs / 3) return false; // It was asleep (R20).
  if (!leads) return ballot.leaderAlive(at);
  return !ballot.lostQuorum(at) && !ballot.leaving && ballot.successor(at) === null;
}

/** Whether the chart must hear of it; else it has been dealt with. */
function isNews(
  { context, value }: AnyMachineSnapshot,
  event: Events,
  scope: { self: unknown; system: unknown },
): boolean {
  const follows = value === 'follower';
  const leads = typeof value === 'object' && value.inOffice === 'leading';
  const { ballot }: ElectionContext = context;
  const acting = { context, event, self: scope.self, system: scope.system };
  if (event.type === 'ping.received') {
    // In a follower a ping moves no state; elsewhere only a newer leader, or a promise that nobody leads (R18).
    if (!follows && (ballot.namesLeader(event.frame) || event.frame.promised > ballot.promised)) return true;
    notePing(acting);
    return false;
  }
  if (event.type !== 'heartbeat.due' || !(follows || leads) || !isCalm(context, leads)) return true;
  noteLate(acting);
  ping(acting, leads);
  armHeartbeat(acting);
  if (follows) armWake(context);
  return false;
}

export function withPulse<Chart extends AnyStateMachine>(chart: Chart): Chart {
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) =>
    isNews(snapshot, event as Events, scope) ? chart.transition(snapshot, event, scope) : snapshot;
  return Object.create(chart, { transition: { value: transition } }) as Chart;
}
