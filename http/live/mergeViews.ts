/** Several views of one node as one, for a viewer who takes them more rarely than they are made. Pure. */
import { maxShownMessages, maxStories, maxTraceEvents, type NodeView } from '../../actors/observation.ts';
import { newest, newestEvents } from './history.ts';

/** Numbers are those of the later view; lists hold what is new since the view before the earlier one, bounded as ever. */
export function mergeViews(earlier: NodeView, later: NodeView): NodeView {
  const story = newest(maxStories, earlier.story, later.story);
  if (earlier.boot !== later.boot) return { ...later, story };
  const trace = later.trace && mergeTraces(earlier.trace, later.trace);
  return {
    ...later,
    story,
    messages: {
      count: earlier.messages.count + later.messages.count,
      shown: newest(maxShownMessages, earlier.messages.shown, later.messages.shown),
    },
    ...(trace && { trace }),
  };
}

type Trace = NonNullable<NodeView['trace']>;

function mergeTraces(earlier: Trace | undefined, later: Trace): Trace {
  if (earlier === undefined) return later;
  const events = newestEvents(maxTraceEvents, earlier.events, later.events);
  const lost = earlier.events.length + later.events.length - events.length;
  return { oneOf: later.oneOf, dropped: earlier.dropped + later.dropped + lost, events };
}
