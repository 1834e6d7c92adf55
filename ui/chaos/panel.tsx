/**
 * Faults on purpose, where the node offers them. Each asks first, and says what will happen and how it ends.
 */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { isUp } from '../cluster.ts';
import { faultWords } from '../header.tsx';
import { leader, members, state } from '../live.ts';
import { words } from '../network/texts.ts';
import { format } from '../preferences.ts';

interface Question {
  readonly ask: string;
  readonly will: readonly string[];
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}
const question = signal<Question | null>(null);
const failure = signal<string | null>(null);
const durationsSeconds = [5, 15, 30, 60, 300] as const;

async function order({ path, body }: Pick<Question, 'path' | 'body'>): Promise<void> {
  failure.value = null;
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.ok) return;
    const said = (await response.json().catch(() => ({}))) as { readonly error?: string; readonly detail?: string };
    failure.value = [said.error ?? `HTTP ${response.status}`, said.detail].filter(Boolean).join(': ');
  } catch (error) {
    failure.value = error instanceof Error ? error.message : String(error);
  }
}

function Confirm({ asked }: { readonly asked: Question }) {
  const w = words.value;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = (): void => {
    dialog.current?.close(); // Gives the focus back to the button that opened it.
    question.value = null;
  };
  return (
    <dialog ref={dialog} aria-labelledby="ask" onClose={close}>
      <h3 id="ask">{asked.ask}</h3>
      {asked.will.map((line) => (
        <p key={line}>{line}</p>
      ))}
      <div class="actions">
        <button type="button" onClick={close}>
          {w.cancel}
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            close();
            void order(asked);
          }}
        >
          {w.confirm}
        </button>
      </div>
    </dialog>
  );
}

/** What a node's absence means now. */
function warningsFor(node: NodeId, self: NodeId): readonly string[] {
  const w = words.value;
  const others = members.value.filter((member) => isUp(member) && member.node !== node).length;
  return [
    ...(node === leader.value ? [w.killLeader] : []),
    ...(others <= members.value.length / 2 ? [w.killMajority] : []),
    ...(node === self ? [w.killSelf] : []),
  ];
}

function NodeSelect(props: {
  readonly label: string;
  readonly nodes: readonly NodeId[];
  readonly value: NodeId;
  readonly choose: (node: NodeId) => void;
}) {
  return (
    <label>
      {props.label}{' '}
      <select value={props.value} onChange={({ currentTarget }) => props.choose(Number(currentTarget.value))}>
        {props.nodes.map((node) => (
          <option key={node} value={node}>
            {node}
          </option>
        ))}
      </select>
    </label>
  );
}

function Faults() {
  const w = words.value;
  const f = format.value;
  const nodeNow = state.now.value + state.clockOffsetMs.value;
  if (state.faults.value.length === 0) return <p class="faint">{w.noFaults}</p>;
  return (
    <ul class="active">
      {state.faults.value.map((fault) => (
        <li key={fault.id}>
          <span class="warn">⚠ {faultWords(fault, nodeNow, w, f)}</span>{' '}
          <button type="button" class="small" onClick={() => order({ path: '/chaos/heal', body: { id: fault.id } })}>
            {w.healThis}
          </button>
        </li>
      ))}
    </ul>
  );
}

export function ChaosPanel() {
  const hello = state.hello.value;
  if (hello === null || hello.chaos === null) return null;
  return <Offered self={hello.node} voters={hello.voters} supervised={hello.chaos.supervised} />;
}

function Offered({
  self,
  voters,
  supervised,
}: {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly supervised: boolean;
}) {
  const w = words.value;
  const node = useSignal<NodeId>(supervised ? (leader.value ?? self) : self);
  const peer = useSignal<NodeId>(voters.find((one) => one !== node.value) ?? self);
  const isOneWay = useSignal(false);
  const seconds = useSignal<number>(30);
  const time = format.value.span(seconds.value * 1000);
  const ms = seconds.value * 1000;
  const n = node.value;
  const ask = (asked: Question) => () => {
    question.value = asked;
  };
  const cut: Question = isOneWay.value
    ? {
        ask: w.cutOneWayAsk(n, peer.value, time),
        will: [w.cutOneWayWill(n, peer.value)],
        path: '/chaos/cut',
        body: { node: n, peer: peer.value, ms, oneWay: true },
      }
    : {
        ask: w.cutAsk(n, peer.value, time),
        will: [w.cutWill],
        path: '/chaos/cut',
        body: { node: n, peer: peer.value, ms },
      };
  return (
    <section class="panel wide chaos" aria-labelledby="chaos">
      <div class="panel-head">
        <h3 id="chaos">⚠ {w.chaos}</h3>
      </div>
      <p class="faint">{w.chaosIntro}</p>
      <div class="orders">
        <NodeSelect
          label={w.node}
          nodes={supervised ? voters : [self]}
          value={n}
          choose={(chosen) => {
            node.value = chosen;
            if (peer.value === chosen) peer.value = voters.find((one) => one !== chosen) ?? chosen;
          }}
        />
        <label>
          {w.forSeconds}{' '}
          <select
            value={seconds.value}
            onChange={({ currentTarget }) => {
              seconds.value = Number(currentTarget.value);
            }}
          >
            {durationsSeconds.map((one) => (
              <option key={one} value={one}>
                {w.seconds(one)}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="danger"
          onClick={ask({
            ask: w.killAsk(n),
            will: [supervised ? w.killWill(time) : w.killForGood, ...warningsFor(n, self)],
            path: '/chaos/kill',
            body: { node: n, ms },
          })}
        >
          {w.kill}
        </button>
        <button
          type="button"
          class="danger"
          onClick={ask({
            ask: w.pauseAsk(n, time),
            will: [w.pauseWill, ...warningsFor(n, self)],
            path: '/chaos/pause',
            body: { node: n, ms },
          })}
        >
          {w.pauseNode}
        </button>
        {supervised && (
          <button
            type="button"
            onClick={ask({ ask: w.reviveAsk(n), will: [w.reviveWill], path: '/chaos/revive', body: { node: n } })}
          >
            {w.revive}
          </button>
        )}
      </div>
      {voters.length > 1 && (
        <div class="orders">
          <NodeSelect
            label={`${n} ${w.and}`}
            nodes={voters.filter((one) => one !== n)}
            value={peer.value}
            choose={(chosen) => {
              peer.value = chosen;
            }}
          />
          <label>
            {w.direction}{' '}
            <select
              value={isOneWay.value ? 'one' : 'both'}
              onChange={({ currentTarget }) => {
                isOneWay.value = currentTarget.value === 'one';
              }}
            >
              <option value="both">{w.bothWays}</option>
              <option value="one">{w.oneWay}</option>
            </select>
          </label>
          <button type="button" class="danger" onClick={ask(cut)}>
            {w.cut}
          </button>
          <button type="button" onClick={ask({ ask: w.healAsk, will: [w.healWill], path: '/chaos/heal', body: {} })}>
            {w.heal}
          </button>
        </div>
      )}
      <Faults />
      <div role="status">
        {failure.value !== null && (
          <p class="bad">
            ⚠ {w.chaosFailed}: <span lang="en">{failure.value}</span>
          </p>
        )}
      </div>
      {question.value !== null && <Confirm asked={question.value} />}
    </section>
  );
}
