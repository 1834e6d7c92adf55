/** A statechart as SVG: small with its active states lit, or whole with the nodes that are in each state. */
import { useRef } from 'preact/hooks';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { type Drawing, type DrawnArrow, type DrawnState, takenBetween } from './drawing.ts';

const lineHeight = 14;

interface ArrowProps {
  readonly arrow: DrawnArrow;
  readonly isLit: boolean;
  readonly isTaken: boolean;
}
function Arrow({ arrow, isLit, isTaken }: ArrowProps) {
  const kind = `arrow${arrow.isTimed ? ' timed' : ''}${isLit ? ' lit' : ''}${isTaken ? ' taken' : ''}`;
  return (
    <g class={kind}>
      <path d={arrow.path} />
      <polygon points={arrow.tip} />
    </g>
  );
}

function Label({ arrow: { label, lines } }: { readonly arrow: DrawnArrow }) {
  if (label === null) return null;
  const [x, y, width, height] = label;
  return (
    <g class="label">
      <rect x={x} y={y} width={width} height={height} />
      {lines.map((line, at) => (
        <text key={line} x={x + 2} y={y + 11 + at * lineHeight}>
          {line}
        </text>
      ))}
    </g>
  );
}

function State({ drawn, nodes }: { readonly drawn: DrawnState; readonly nodes: readonly NodeId[] | null }) {
  const { state, box, isOuter } = drawn;
  const [x, y, width, height] = box;
  const isRoot = state.parent === null;
  // The whole machine is active as long as it runs: that says nothing.
  const isActive = !isRoot && nodes !== null && nodes.length > 0;
  const textX = isOuter ? x + 12 : x + width / 2;
  const lines = [state.label, ...state.invokes.map((name) => `▷ ${name}`)];
  return (
    <g
      class={`state${isOuter ? ' outer' : ''}${isRoot ? ' root' : ''}${isActive ? ' active' : ''}`}
      data-state={state.id}
    >
      <rect x={x} y={y} width={width} height={height} rx={7} />
      {state.type === 'final' && (
        <rect x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={5} class="inner" />
      )}
      {state.initial && state.parent !== null && <circle class="initial" cx={x + 6} cy={y + 7} r={3} />}
      {lines.map((line, at) => (
        <text key={line} x={textX} y={y + 18 + at * lineHeight} class={at === 0 ? 'name' : 'invoke'}>
          {line}
        </text>
      ))}
    </g>
  );
}

/** The numbers of the nodes that are in a state, at its lower edge. */
function Chips({ box, nodes }: { readonly box: DrawnState['box']; readonly nodes: readonly NodeId[] }) {
  const [x, y, width, height] = box;
  const text = nodes.join(' ');
  const half = text.length * 3.6 + 6;
  return (
    <g class="chips">
      <rect x={x + width / 2 - half} y={y + height - 7} width={half * 2} height={15} rx={7} />
      <text x={x + width / 2} y={y + height + 4}>
        {text}
      </text>
    </g>
  );
}

export interface ChartProps {
  readonly drawing: Drawing;
  readonly name: string;
  /** Of each state the nodes that are in it. */
  readonly active: ReadonlyMap<string, readonly NodeId[]>;
  readonly showsNodes: boolean;
}

/** The way that was taken last; it stays the same until another one is. */
function useTaken(active: Iterable<string>): ReadonlySet<string> {
  const after = new Set(active);
  const last = useRef({ active: after, taken: new Set<string>() as ReadonlySet<string> });
  const taken = takenBetween(last.current.active, after);
  if (taken.size > 0 || after.size !== last.current.active.size) last.current = { active: after, taken };
  return last.current.taken;
}

export function Chart({ drawing, name, active, showsNodes }: ChartProps) {
  const { width, height } = drawing;
  const taken = useTaken(active.keys());
  const root = drawing.states.find(({ state }) => state.parent === null)?.state.id;
  const inner = drawing.states.filter(({ isOuter }) => !isOuter);
  return (
    <svg class="chart" role="img" aria-label={name} viewBox={`-4 -4 ${width + 8} ${height + 16}`} width={width + 8}>
      {drawing.states
        .filter(({ isOuter }) => isOuter)
        .map((drawn) => (
          <State key={drawn.state.id} drawn={drawn} nodes={active.get(drawn.state.id) ?? null} />
        ))}
      {drawing.arrows.map((arrow) => (
        <Arrow
          key={arrow.key}
          arrow={arrow}
          isLit={active.has(arrow.from) && arrow.from !== root}
          isTaken={!showsNodes && taken.has(arrow.key)}
        />
      ))}
      {inner.map((drawn) => (
        <State key={drawn.state.id} drawn={drawn} nodes={active.get(drawn.state.id) ?? null} />
      ))}
      {drawing.arrows.map((arrow) => (
        <Label key={arrow.key} arrow={arrow} />
      ))}
      {showsNodes &&
        inner.map(({ state, box }) => {
          const nodes = active.get(state.id);
          return nodes === undefined ? null : <Chips key={state.id} box={box} nodes={nodes} />;
        })}
    </svg>
  );
}
