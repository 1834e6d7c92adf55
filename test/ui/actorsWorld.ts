/** Nodes as the page of the actors sees them: real charts, made-up moments. */
import { chartsOf } from '../../actors/chart.ts';
import { nodeMachine } from '../../actors/node.ts';
import type { ActorView, ChartView } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { Hello } from '../../http/live/protocol.ts';
import { aHello, aView, seen, voters } from '../support/fakeFeed.ts';

export const charts: readonly ChartView[] = chartsOf(nodeMachine);
const wallMs = 1_790_000_000_000;

export const anActor = (id: string, parts: Partial<ActorView> = {}): ActorView => ({
  id,
  parent: 'node',
  figures: {},
  events: 1200,
  perSecond: 12.5,
  last: [
    { event: 'ping.received', from: 'replicator', wallMs },
    { event: 'wake.due', from: null, wallMs: wallMs + 40 },
  ],
  ...parts,
});

function actorsOf(node: NodeId): readonly ActorView[] {
  const leads = node === voters[2];
  const office = leads
    ? ['election', 'election.inOffice', 'election.inOffice.leading']
    : ['election', 'election.follower'];
  const links = voters.filter((peer) => peer !== node);
  return [
    anActor('node', {
      parent: null,
      states: ['node', 'node.working', 'node.working.serving'],
      figures: { children: 11 },
    }),
    anActor('election', { states: office, figures: { promised: 327_683, leader: voters[2] ?? null, electable: true } }),
    anActor('pipeline', { figures: { waiting: 3, 'open appends': 2 }, perSecond: 31_415 }),
    anActor('metrics', { last: [] }),
    anActor('gateway', { states: ['gateway', 'gateway.flowing', 'gateway.flowing.open'] }),
    anActor('store', { states: ['store', 'store.ready', 'store.ready.writing'] }),
    ...links.map((peer, at) =>
      anActor(`link:${peer}`, {
        parent: 'gateway',
        states: at === 0 ? ['link', 'link.connected', 'link.connected.up'] : ['link', 'link.waiting'],
      }),
    ),
  ];
}

export function anActorsHello(): Hello {
  // As a node says it: of its own links alone.
  const links = Object.fromEntries(voters.slice(1).map((node) => [`link:${node}`, 'link']));
  return aHello({
    inspect: true,
    charts,
    chartOf: links,
    views: voters.map((node) => seen(aView(node, { rest: { actors: actorsOf(node) } }))),
  });
}
