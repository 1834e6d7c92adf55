/** The diagram on its canvas: size, colours, pointer. What is drawn is decided in scene.ts and paint.ts. */
import { computed, signal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { coloursVersion, format, wordsOf } from '../preferences.ts';
import { type Palette, paint, type Words } from './paint.ts';
import { dotAt, type Scene, sceneOf } from './scene.ts';
import { axis, choose, first, nodes, ordered, picture, reigns, selected, shown, windowSize } from './store.ts';
import { roundOf, traceWords } from './words.ts';

const size = signal({ width: 0, height: 0 });
/** A row of its own for each event, and room for gaps. */
const rowHeight = 19;

const scene = computed<Scene | null>(() => {
  if (size.value.width === 0) return null;
  return sceneOf({
    graph: picture.value.graph,
    window: shown.value,
    nodes: nodes.value,
    reigns: reigns.value,
    axis: axis.value,
    selected: selected.value,
    size: size.value,
  });
});

const paletteNames = {
  ground: '--panel',
  ink: '--ink',
  faint: '--edge',
  replication: '--accent',
  election: '--second',
  client: '--good',
  fault: '--warn',
  violation: '--bad',
  band: '--band',
  selected: '--ink',
} as const satisfies Record<keyof Palette, string>;

/** The properties are registered as colours, so what comes is a colour, of the theme that holds. */
function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return Object.fromEntries(Object.entries(paletteNames).map(([key, name]) => [key, read(name)])) as unknown as Palette;
}

const drawnWords = computed<Words>(() => {
  const w = wordsOf(traceWords);
  const f = format.value;
  const isWall = axis.value === 'wall';
  return {
    node: w.nodeName,
    violation: w.violation,
    leads: (epoch) => (epoch === null ? w.leadsPlain : w.leads(f.count(roundOf(epoch)))),
    leadsShort: (epoch) => `★${epoch === null ? '' : f.count(roundOf(epoch))}`,
    gap: (gap) => w.skipped(isWall ? f.duration(gap) : f.count(gap)),
    mark: (value) => (isWall ? f.clockMs(value) : f.count(value)),
  };
});

export const violationsShown = computed(() => shown.value.filter(({ violation }) => violation).length);
export const positionWords = computed(() => {
  const count = (value: number): string => format.value.count(value);
  const from = shown.value.length === 0 ? 0 : first.value + 1;
  return wordsOf(traceWords).positionText(
    count(from),
    count(first.value + shown.value.length),
    count(ordered.value.length),
  );
});

export function Diagram() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      size.value = { width, height };
      windowSize.value = Math.max(8, Math.floor((height - 60) / rowHeight));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  useSignalEffect(() => {
    coloursVersion.value; // Draws anew when colours change.
    const element = canvas.current;
    const toDraw = scene.value;
    const context = element?.getContext('2d');
    if (!element || !context || toDraw === null) return;
    const ratio = Math.min(2, devicePixelRatio);
    const [width, height] = [Math.round(toDraw.width * ratio), Math.round(toDraw.height * ratio)];
    if (element.width !== width) element.width = width;
    if (element.height !== height) element.height = height;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint(context, toDraw, paletteOf(element), drawnWords.value, getComputedStyle(element).fontFamily);
  });
  const click = (event: MouseEvent): void => {
    const dot = scene.peek() && dotAt(scene.peek() as Scene, event.offsetX, event.offsetY);
    if (dot) choose(dot.event.id);
  };
  const w = wordsOf(traceWords);
  return (
    <canvas
      ref={canvas}
      class="space-time"
      role="img"
      aria-label={w.canvas(positionWords.value, format.value.count(violationsShown.value))}
      onClick={click}
    />
  );
}
