/** The façade of a running node: turns calls into events, and the one answer to each into a promise. */
import type { ActorRefFrom, AnyStateMachine } from 'xstate';
import { chartsOf } from './chart.ts';
import type { Viewer } from './events.ts';
import type { Appended, AppendRequest, NodeFacade, ReadPoint, Trouble } from './facade.ts';
import type { Look } from './look.ts';
import type { nodeMachine } from './node.ts';
import { maxKeyBytes, maxMessagesInWrite } from './protocol/batch.ts';
import { tell } from './system.ts';

/** What no reader of the log would take back. The edge checks it first, so that it has words for the client. */
function mustBeEncodable({ contents, key }: AppendRequest): void {
  if (contents.length < 1 || contents.length > maxMessagesInWrite)
    throw new RangeError(`a write has 1 to ${maxMessagesInWrite} messages, this one ${contents.length}`);
  const keyBytes = key ? Buffer.byteLength(key.key) : 1;
  if (keyBytes < 1 || keyBytes > maxKeyBytes)
    throw new RangeError(`a key has 1 to ${maxKeyBytes} bytes, this one ${keyBytes}`);
}

export function makeFacade(root: ActorRefFrom<typeof nodeMachine>, machine: AnyStateMachine, look: Look): NodeFacade {
  const scope = { self: root, system: root.system };
  return {
    append: (request) => {
      mustBeEncodable(request);
      return new Promise<Appended | Trouble>((settle) => {
        const refusal = look.trouble;
        if (refusal) settle(refusal);
        else tell(scope, 'ingress', { type: 'write.requested', request, settle });
      });
    },

    writeRefusal: (bytes) => look.trouble ?? look.inside('ingress')?.refusal(bytes) ?? null,

    readPoint: (request) =>
      new Promise<ReadPoint | Trouble>((settle) => {
        const refusal = look.trouble;
        if (refusal) settle(refusal);
        else tell(scope, 'sessions', { type: 'read.requested', request, settle });
      }),

    read: (afterId, upToId, maxBytes) =>
      new Promise((settle) => {
        if (!look.is('working') || afterId >= upToId) return settle([]);
        const reply = (batches: Parameters<typeof settle>[0]): void => settle(batches);
        tell(scope, 'pipeline', { type: 'messages.read', afterId, maxBytes, reply });
      }),

    onCommit: (listener) => {
      tell(scope, 'sessions', { type: 'commit.watched', listener });
      return () => tell(scope, 'sessions', { type: 'commit.unwatched', listener });
    },

    metrics: () => look.metrics,
    resetMetrics: () => tell(scope, 'metrics', { type: 'metrics.reset' }),
    status: () => look.status,

    watch: (wanted, listener) => {
      const viewer: Viewer = { show: listener };
      let looks = true;
      const want = (next: typeof wanted): void => {
        if (looks) tell(scope, 'observer', { type: 'views.wanted', viewer, wanted: next });
      };
      want(wanted);
      return {
        want,
        end: () => {
          if (!looks) return;
          looks = false;
          tell(scope, 'observer', { type: 'views.unwanted', viewer });
        },
      };
    },
    charts: () => chartsOf(machine),
  };
}
