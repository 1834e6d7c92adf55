/**
 * The rules that the forwarding model follows, each of which a test can break on purpose, and how big a world it has.
 */

/** What each rule says; a key is the name for `--break`. The numbers are those of docs/how-it-works.md. */
export const forwardingRules = {
  answersWhenCommitted: 'R10: a write is answered when it is committed, not when it is appended',
  oneUnresolvedSend: 'R10a: a write is not sent again while its last send is unresolved',
  freshNumber: 'R10a: every send has a fresh n',
  numbersSpanPeers: 'R10a: n rises over all peers and local writes, not on each connection',
  tagNamesBoot: 'R10a: a tag names the boot of its origin',
  laterBarrier: 'R10a (b): only the barrier of an epoch after that of the send proves absence',
  committedBarrier: 'R10a (b): and only when it is committed in the own log',
  greetingJudgesOlder: 'R10a (c): a greeting says nothing about sends on its own connection',
  countsEveryAppend: 'R24: a greeting counts what is appended, committed or not',
  greetsWhileLeading: 'R24: a greeting names an epoch only while its node leads it in this boot',
  stampsEpoch: 'R24: a leader appends a forward only if it is meant for its own epoch',
  dropsWithConnection: 'R24: what a connection brought and nobody appended goes with that connection',
  dropsBeforeGreeting: 'R24: it is dropped before the next HELLO is answered',
  waitsForGreeting: 'R24: nothing is forwarded on a connection before it was greeted',
  certainIsTrue: 'R24: "certainly not" is said only of what was never appended',
} as const;

export type ForwardingRule = keyof typeof forwardingRules;
export type ForwardingRules = Readonly<Record<ForwardingRule, boolean>>;

export const allForwardingRules = Object.fromEntries(
  Object.keys(forwardingRules).map((rule) => [rule, true]),
) as ForwardingRules;

export interface ForwardingWorld {
  /** Epochs in all, the one at the beginning included. */
  readonly epochs: number;
  /** Client writes at the gateway, which is n1. */
  readonly writes: number;
  /** Sends in all, first ones and others. */
  readonly sends: number;
  /** Connections that close for no reason. */
  readonly closes: number;
  readonly crashes: number;
  /** Writes that a leader refuses although it could append them. */
  readonly refusals: number;
  /** Leaders that stop to append for a while (R17). */
  readonly drains: number;
  /** Leaders that step down by themselves (R16). */
  readonly resignations: number;
  /** Who leads at the beginning: 0 = the gateway itself. */
  readonly leader: number;
  /** Also asks of every state whether all sends would be resolved if nothing failed any more. */
  readonly settles: boolean;
}

export const smallForwardingWorld: ForwardingWorld = {
  epochs: 2,
  writes: 1,
  sends: 2,
  closes: 0,
  crashes: 0,
  refusals: 0,
  drains: 0,
  resignations: 0,
  leader: 1,
  settles: false,
};
