/** What one life of a node records of itself, for people: made before its actors, who write into it without an event. */
import type { Ports } from '../ports.ts';
import type { NodeId } from '../protocol/epoch.ts';
import { ActorCounts } from './actorCounts.ts';
import { type Standing, StoryBook } from './storyBook.ts';
import { Trace } from './trace.ts';

export interface NodeRecord {
  readonly story: StoryBook;
  readonly trace: Trace;
  readonly counts: ActorCounts;
}

export function makeRecord(self: NodeId, ports: Ports, standing: () => Standing): NodeRecord {
  const trace = new Trace(self, ports.wallClock);
  const story = new StoryBook(self, ports, standing, (told, group) => {
    if (trace.isOn) trace.happened(told, group);
  });
  return { story, trace, counts: new ActorCounts(ports.wallClock) };
}
