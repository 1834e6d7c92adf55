/**
 * Messages as they go to a page: up to fifty a tick, of which each is much like the one before. Pure; both ends are here.
 *
 * P1. What is lost is nothing: whoever unpacks gets the messages as the node showed them, in that order.
 * P2. Numbers are steps from the message before, or from its own id; what is nearly always the same is said where it is not.
 */
import type { MessageView } from '../../actors/observation.ts';

type Steps = readonly [
  idStep: number,
  lamportStep: number,
  /** By how much less than its own id the newest is that its origin had seen. */
  seenBefore: number,
  msStep: number,
  origin: number,
  content: string,
  /** Where it is not the length of `content`, and of every violation. */
  bytes?: number,
  violation?: true,
];
/** Whole where the clock is finer than a millisecond: sums of fractions are not exact. */
export type PackedMessage = Steps | MessageView;

export function packedMessages(messages: readonly MessageView[]): readonly PackedMessage[] {
  let [lastId, lastLamport, lastMs] = [0, 0, 0];
  return messages.map((message) => {
    const { id, lamport, origin, seen, physicalSeconds, content, bytes, violation } = message;
    const ms = Math.round(physicalSeconds * 1000);
    if (ms < 0 || !Number.isSafeInteger(ms) || ms / 1000 !== physicalSeconds) return message;
    const steps = [id - lastId, lamport - lastLamport, id - seen, ms - lastMs, origin, content] as const;
    [lastId, lastLamport, lastMs] = [id, lamport, ms];
    if (violation) return [...steps, bytes, true];
    return bytes === content.length ? steps : [...steps, bytes];
  });
}

export function unpackedMessages(packed: readonly PackedMessage[]): readonly MessageView[] {
  let [id, lamport, ms] = [0, 0, 0];
  return packed.map((message) => {
    if ('id' in message) return message;
    const [idStep, lamportStep, seenBefore, msStep, origin, content, bytes = content.length, violation = false] =
      message;
    id += idStep;
    lamport += lamportStep;
    ms += msStep;
    return { id, lamport, origin, seen: id - seenBefore, physicalSeconds: ms / 1000, content, bytes, violation };
  });
}
