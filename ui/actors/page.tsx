/** The machines: every actor of every node, and of the chosen one its chart at all nodes side by side. */
import { computed, signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ActorView, ChartView } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { isUp } from '../cluster.ts';
import { members, state, useWish } from '../live.ts';
import { format, wordsOf } from '../preferences.ts';
import { place } from '../routes.tsx';
import { Chart } from './chart.tsx';
import { drawingOf, type Layouts, pathsOf } from './drawing.ts';
import laidOut from './layouts.json';
import { ChartLists, scrollable } from './lists.tsx';
import { type ActorRow, chartNamer, firstChoice, treeOf } from './tree.ts';
import { actorWords } from './words.ts';

const layouts = laidOut as unknown as Layouts;
const everyMs = 250;
/** Wider ones get wider places: three beside each other would be too small to read. */
const bigChart = 450;

const views = computed(() => members.value.flatMap((member) => (member.view && isUp(member) ? [member.view] : [])));
const rows = computed(() =>
  treeOf(views.value, chartNamer(state.hello.value?.charts ?? [], state.hello.value?.chartOf ?? {})),
);
const nodes = computed(() => members.value.map(({ node }) => node));
const fallback = signal<string | null>(null);
/** #actors/link:2 names one; else the one that most want to see. */
const chosen = computed<ActorRow | undefined>(() => {
  const wanted = place.value === '' ? (fallback.value ?? firstChoice(rows.value)) : place.value;
  return rows.value.find(({ id }) => id === wanted);
});

const stateWords = ({ states }: ActorView): string => (states === undefined ? '' : pathsOf(states).join(' + '));

function Tree() {
  const w = wordsOf(actorWords);
  const f = format.value;
  return (
    <div class="sideways" {...scrollable('actors-title')}>
      <table class="actor-tree">
        <thead>
          <tr>
            <th>{w.actor}</th>
            {nodes.value.map((node) => (
              <th key={node}>{w.nodeName(node)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.value.map(({ id, depth, chart, at }) => (
            <tr key={id} class={id === chosen.value?.id ? 'chosen' : ''}>
              <th scope="row" class={`depth-${Math.min(depth, 4)}`}>
                <a href={`#actors/${id}`} {...(id === chosen.value?.id && { 'aria-current': 'true' as const })}>
                  {id}
                </a>
                {chart === null && <small class="faint"> {w.service}</small>}
              </th>
              {nodes.value.map((node) => {
                const actor = at.get(node);
                return (
                  <td key={node}>
                    {actor === undefined ? (
                      <span class="faint">–</span>
                    ) : (
                      <>
                        <span class="where">{stateWords(actor)}</span>{' '}
                        <small class="faint">{w.perSecond(f.short(actor.perSecond))}</small>
                      </>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Figures({ actor }: { readonly actor: ActorView }) {
  const w = wordsOf(actorWords);
  const f = format.value;
  const say = (value: string | number | boolean | null): string =>
    typeof value === 'number' && Math.abs(value) >= 10_000 ? f.count(value) : value === null ? '–' : String(value);
  return (
    <dl class="figures">
      <div>
        <dt>{w.events}</dt>
        <dd>
          {f.count(actor.events)} ({w.perSecond(f.short(actor.perSecond))})
        </dd>
      </div>
      {Object.entries(actor.figures).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{say(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function LastEvents({ actor }: { readonly actor: ActorView }) {
  const w = wordsOf(actorWords);
  return (
    <>
      <h5>{w.lastEvents}</h5>
      {actor.last.length === 0 ? (
        <p class="faint">{w.nothing}</p>
      ) : (
        <ul class="last">
          {actor.last.toReversed().map(({ event, from, wallMs }, at) => (
            <li key={`${wallMs} ${event} ${at}`}>
              <code>{event}</code>{' '}
              <span class="faint">
                {from !== null && `${w.sender} ${from} · `}
                {format.value.clockMs(wallMs)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** How many of so many are drawn: one more with each frame, since all at once hold the page up for a tenth of a second. */
function useOneByOne(count: number): number {
  const drawn = useSignal(0);
  const shown = drawn.value;
  useEffect(() => {
    if (shown >= count) return;
    const frame = requestAnimationFrame(() => {
      drawn.value = shown + 1;
    });
    return () => cancelAnimationFrame(frame);
  }, [shown, count]);
  return shown;
}

function AtNode({
  row,
  node,
  chart,
}: {
  readonly row: ActorRow;
  readonly node: NodeId;
  readonly chart: ChartView | null;
}) {
  const w = wordsOf(actorWords);
  const actor = row.at.get(node);
  const drawing = chart === null ? null : drawingOf(chart, layouts, 'small');
  const isSilent = !views.value.some((view) => view.node === node);
  return (
    <section class="at-node" aria-labelledby={`at-${node}`}>
      <h4 id={`at-${node}`}>
        {w.nodeName(node)} {actor && <span class="lead">{stateWords(actor)}</span>}
      </h4>
      {actor === undefined ? (
        <p class="faint">{isSilent ? w.down : w.absent}</p>
      ) : (
        <>
          {drawing !== null && (
            <Chart
              drawing={drawing}
              name={w.picture(row.id, node, stateWords(actor))}
              active={new Map((actor.states ?? []).map((id) => [id, [node]]))}
              showsNodes={false}
            />
          )}
          <Figures actor={actor} />
          <LastEvents actor={actor} />
        </>
      )}
    </section>
  );
}

/** Of each state the nodes whose instance is in it. */
function activeAt(row: ActorRow): ReadonlyMap<string, readonly NodeId[]> {
  const active = new Map<string, NodeId[]>();
  for (const [node, { states = [] }] of [...row.at].sort(([a], [b]) => a - b))
    for (const id of states) active.set(id, [...(active.get(id) ?? []), node]);
  return active;
}

function Whole({ row, chart }: { readonly row: ActorRow; readonly chart: ChartView }) {
  const w = wordsOf(actorWords);
  const drawing = drawingOf(chart, layouts, 'whole');
  const active = activeAt(row);
  return (
    <section class="panel" aria-labelledby="whole-title">
      <h3 id="whole-title">{w.whole}</h3>
      {drawing === null ? (
        <p class="warn">⚠ {w.noLayout}</p>
      ) : (
        <div class="sideways drawing" {...scrollable('whole-title')}>
          <Chart drawing={drawing} name={w.wholePicture(row.id)} active={active} showsNodes />
        </div>
      )}
      <ChartLists chart={chart} active={active} />
    </section>
  );
}

function Chosen({ row }: { readonly row: ActorRow }) {
  const w = wordsOf(actorWords);
  const chart = state.hello.value?.charts.find(({ id }) => id === row.chart) ?? null;
  const isBig = chart !== null && (drawingOf(chart, layouts, 'small')?.width ?? 0) > bigChart;
  const drawn = useOneByOne(nodes.value.length + 1);
  return (
    <>
      <section class="panel" aria-labelledby="chosen-title">
        <h3 id="chosen-title">{chart === null ? w.serviceOf(row.id) : w.chartOf(row.id)}</h3>
        {chart === null && <p class="faint">{w.serviceNote}</p>}
        <div class={isBig ? 'instances roomy' : 'instances'}>
          {nodes.value.slice(0, drawn).map((node) => (
            <AtNode key={node} row={row} node={node} chart={chart} />
          ))}
        </div>
      </section>
      {chart !== null && drawn > nodes.value.length && <Whole row={row} chart={chart} />}
    </>
  );
}

export function ActorsPage() {
  useWish({ actors: true, everyMs });
  const w = wordsOf(actorWords);
  const hello = state.hello.value;
  return (
    <div class="actors-page">
      <section class="panel" aria-labelledby="actors-title">
        <h3 id="actors-title">{w.title}</h3>
        {hello?.inspect === false ? (
          <p class="warn">⚠ {w.off}</p>
        ) : rows.value.length === 0 ? (
          <p class="faint">{w.waiting}</p>
        ) : (
          <Tree />
        )}
      </section>
      {chosen.value !== undefined && <Chosen row={chosen.value} />}
    </div>
  );
}
