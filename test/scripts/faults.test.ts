/** Faults on purpose: what is broken, until when, and that links keep their promise while they are cut. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Connection, ConnectionHandlers, Links } from '../../actors/ports.ts';
import type { ActiveFault } from '../../http/live/protocol.ts';
import { CuttableLinks } from '../../scripts/cuttableLinks.ts';
import { type FaultHands, Faults } from '../../scripts/faults.ts';

/** Hands that only note what they are told. */
function aTown(refuse: Partial<Record<string, string>> = {}) {
  const done: string[] = [];
  let told: readonly ActiveFault[] = [];
  const note = (...words: unknown[]): string | undefined => {
    const line = words.join(' ');
    if (refuse[line] === undefined) done.push(line);
    return refuse[line];
  };
  const hands: FaultHands = {
    revives: true,
    kill: (node) => note('kill', node),
    revive: (node) => note('revive', node),
    pause: (node) => note('pause', node),
    resume: (node) => void note('resume', node),
    cut: (node, peer, oneWay) => note(oneWay ? 'cut one way' : 'cut', node, peer),
    mend: (node, peer) => void note('mend', node, peer),
    changed: (active) => {
      told = active;
    },
    say: () => {},
  };
  return { faults: new Faults(hands), done, told: () => told.map(({ id }) => id), refuse };
}
const inMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const healed = async (faults: Faults): Promise<void> => {
  for (let tries = 0; faults.active.length > 0 && tries < 500; tries++) await inMs(10);
};

const Fault = suite('faults');

Fault('heal by themselves, each in its way', async () => {
  const { faults, done, told } = aTown();
  faults.order({ what: 'kill', node: 1, ms: 30 });
  faults.order({ what: 'pause', node: 2, ms: 30 });
  faults.order({ what: 'cut', node: 3, peer: 2, ms: 30, oneWay: false });
  assert.equal(told(), ['killed:1', 'pause:2', 'cut:2-3']);
  assert.ok(faults.willRevive);
  await healed(faults);
  assert.equal(done.sort(), ['cut 2 3', 'kill 1', 'mend 2 3', 'pause 2', 'resume 2', 'revive 1']);
  assert.equal(told(), []);
});
Fault('that kill heal also when the end of the node is noticed only after its time', async () => {
  const { faults, done, refuse } = aTown({ 'revive 1': '1 runs' });
  faults.order({ what: 'kill', node: 1, ms: 20 });
  await inMs(200);
  assert.equal(done, ['kill 1']);
  delete refuse['revive 1'];
  faults.ended(1);
  await healed(faults);
  assert.equal(done, ['kill 1', 'revive 1']);
});
Fault('of the same kind take each other’s place, and the new one’s time counts', async () => {
  const { faults, done } = aTown();
  faults.order({ what: 'pause', node: 2, ms: 20 });
  faults.order({ what: 'pause', node: 2, ms: 60_000 });
  await inMs(60);
  assert.equal(done, ['pause 2', 'pause 2']);
  faults.order({ what: 'cut', node: 1, peer: 2, ms: 60_000, oneWay: true });
  faults.order({ what: 'cut', node: 2, peer: 1, ms: 60_000, oneWay: false });
  assert.equal(done.slice(2), ['cut one way 1 2', 'mend 1 2', 'cut 1 2']);
  assert.equal(faults.active.map(({ id }) => id), ['pause:2', 'cut:1-2']); // biome-ignore format: one line
  faults.resumeAll();
  assert.is(done.at(-1), 'resume 2');
});
Fault('that cannot be done are not active, and say why', () => {
  const { faults, told } = aTown({ 'pause 2': '2 does not run here', 'revive 1': '1 runs' });
  assert.is(faults.order({ what: 'pause', node: 2, ms: 1000 }), '2 does not run here');
  assert.is(faults.order({ what: 'revive', node: 1 }), '1 runs');
  assert.is(faults.order({ what: 'heal', id: 'pause:2' }), 'there is no active fault pause:2');
  assert.is(faults.order({ what: 'heal', id: null }), undefined);
  assert.equal(told(), []);
});
Fault('tell of a node that ended by itself, which nobody revives unasked', async () => {
  const { faults, done } = aTown();
  faults.order({ what: 'pause', node: 3, ms: 60_000 });
  faults.ended(3);
  assert.equal(faults.active, [{ id: 'killed:3', what: 'killed', node: 3, healsAtWallMs: null }]);
  assert.not(faults.willRevive);
  faults.order({ what: 'cut', node: 3, peer: 1, ms: 60_000, oneWay: false });
  assert.equal(faults.cutsOf(3), [{ node: 1, peer: 3, oneWay: false }]);
  assert.is(faults.order({ what: 'heal', id: null }), undefined);
  assert.equal(done.slice(1), ['cut 1 3', 'revive 3', 'mend 1 3']);
  faults.ended(2);
  faults.started(2);
  assert.equal(faults.active, []);
});
Fault.run();

// --------------------------------------------------------------------------------------------------------- links

/** Links whose other end is this test. */
class HandLinks implements Links {
  accept: ((connection: Connection) => ConnectionHandlers) | undefined;
  readonly dials: (ConnectionHandlers & { opened(connection: Connection): void })[] = [];

  listen(accept: (connection: Connection) => ConnectionHandlers): void {
    this.accept = accept;
  }
  dial(_: number, handlers: ConnectionHandlers & { opened(connection: Connection): void }): void {
    this.dials.push(handlers);
  }
}
function aConnection(peer: number) {
  const sent: string[] = [];
  const closed: string[] = [];
  const connection: Connection = {
    peer,
    dialled: true,
    bufferedBytes: 0,
    receivedBytes: 7,
    send: (frame) => sent.push(String(frame)),
    close: (reason) => closed.push(reason),
  };
  return { connection, sent, closed };
}
function aDialler() {
  const heard: string[] = [];
  let opened: Connection | undefined;
  return {
    heard,
    opened: () => opened as Connection,
    handlers: {
      opened: (connection: Connection) => {
        opened = connection;
      },
      frame: (frame: Buffer) => heard.push(String(frame)),
      closed: ({ byThisSide, reason }: { byThisSide: boolean; reason: string }) =>
        heard.push(`closed ${byThisSide} ${reason}`),
    },
  };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const Cuts = suite('links that can be cut');

Cuts('pass on all while they are whole', () => {
  const hand = new HandLinks();
  const links = new CuttableLinks(hand);
  const dialler = aDialler();
  links.dial(2, dialler.handlers);
  const { connection, sent } = aConnection(2);
  hand.dials[0]?.opened(connection);
  dialler.opened().send(Buffer.from('out'));
  hand.dials[0]?.frame(Buffer.from('in'));
  hand.dials[0]?.closed({ byThisSide: false, reason: 'gone' });
  assert.equal([sent, dialler.heard], [['out'], ['in', 'closed false gone']]);
  assert.is(dialler.opened().receivedBytes, 7);
});
Cuts('have no connection: open ones close, others are refused, dials fail later', async () => {
  const hand = new HandLinks();
  const links = new CuttableLinks(hand);
  const dialler = aDialler();
  links.dial(2, dialler.handlers);
  const open = aConnection(2);
  hand.dials[0]?.opened(open.connection);
  const other = aConnection(3);
  const taken: number[] = [];
  links.listen(({ peer }) => {
    taken.push(peer);
    return aDialler().handlers;
  });
  hand.accept?.(other.connection);
  links.cut(2, 'both ways');
  assert.is(open.closed.length, 1);
  assert.is(other.closed.length, 0, 'another link is whole');
  const refused = aConnection(2);
  hand.accept?.(refused.connection);
  assert.equal([refused.closed.length, taken], [1, [3]]);
  const late = aDialler();
  links.dial(2, late.handlers);
  assert.equal([late.heard, hand.dials.length], [[], 1], 'not before the call returns');
  await turn();
  assert.equal(late.heard, ['closed true the link is cut on purpose']);
  links.mend(2);
  links.dial(2, late.handlers);
  assert.is(hand.dials.length, 2);
});
Cuts('close a connection that opens in the middle of a cut', () => {
  const hand = new HandLinks();
  const links = new CuttableLinks(hand);
  links.dial(2, aDialler().handlers);
  links.cut(2, 'both ways');
  const { connection, closed } = aConnection(2);
  hand.dials[0]?.opened(connection);
  assert.is(closed.length, 1);
});
Cuts('of one way lose what is said, hear on, and say nothing behind a hole', () => {
  const hand = new HandLinks();
  const links = new CuttableLinks(hand);
  const [spoke, silent] = [aDialler(), aDialler()];
  for (const { handlers } of [spoke, silent]) links.dial(2, handlers);
  const [first, second] = [aConnection(2), aConnection(2)];
  hand.dials[0]?.opened(first.connection);
  hand.dials[1]?.opened(second.connection);
  spoke.opened().send(Buffer.from('1'));
  links.cut(2, 'outgoing');
  spoke.opened().send(Buffer.from('2'));
  hand.dials[0]?.frame(Buffer.from('in'));
  assert.equal([first.sent, spoke.heard, first.closed], [['1'], ['in'], []]);
  links.mend(2);
  spoke.opened().send(Buffer.from('3'));
  silent.opened().send(Buffer.from('a'));
  assert.equal([first.sent, first.closed.length], [['1'], 1], 'what lost a frame is closed');
  assert.equal([second.sent, second.closed.length], [['a'], 0]);
});
Cuts.run();
