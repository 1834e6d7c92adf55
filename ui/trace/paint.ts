/**
 * Paint: draws a scene. Colours are given resolved; nothing here reads the page, so a test can hand in a pen that only
 * notes what it is told.
 *
 * P1. Colour never speaks alone: a violation is dashed and has a word, a lost frame ends in a cross, a local event is a
 *     square, a leader's band has its epoch written in it.
 */
import type { Arrow, Band, Dot, Scene } from './scene.ts';
import { headHeight } from './scene.ts';

export interface Palette {
  readonly ground: string;
  readonly ink: string;
  readonly faint: string;
  readonly replication: string;
  readonly election: string;
  readonly client: string;
  readonly fault: string;
  readonly violation: string;
  readonly band: string;
  readonly selected: string;
}

/** What it needs of a CanvasRenderingContext2D. */
export interface Pen {
  fillStyle: string | CanvasGradientLike;
  strokeStyle: string | CanvasGradientLike;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: 'left' | 'right' | 'center' | 'start' | 'end';
  textBaseline: 'top' | 'middle' | 'bottom' | 'alphabetic' | 'hanging' | 'ideographic';
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  closePath(): void;
  fill(): void;
  stroke(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number, maxWidth?: number): void;
  setLineDash(segments: number[]): void;
}
type CanvasGradientLike = object;

/** Words that are drawn, in the reader's language. */
export interface Words {
  readonly node: (node: number) => string;
  readonly violation: string;
  readonly leads: (epoch: number | null) => string;
  /** The same where there is little room. */
  readonly leadsShort: (epoch: number | null) => string;
  readonly gap: (size: number) => string;
  readonly mark: (value: number) => string;
}

const dimmed = 0.22;
const radius = 5;
/** Of "leads, epoch 12" and the like. */
const roomForWords = 104;

export function paint(pen: Pen, scene: Scene, palette: Palette, words: Words, font: string): void {
  pen.globalAlpha = 1;
  pen.setLineDash([]);
  pen.fillStyle = palette.ground;
  pen.fillRect(0, 0, scene.width, scene.height);
  pen.font = `12px ${font}`;
  pen.textBaseline = 'middle';
  for (const band of scene.bands) paintBand(pen, scene, band, palette);
  paintGrid(pen, scene, palette, words);
  // What is dim lies beneath.
  for (const arrow of [...scene.arrows].sort((a, b) => Number(b.dim) - Number(a.dim)))
    paintArrow(pen, arrow, palette, words);
  for (const dot of scene.dots) paintDot(pen, dot, palette);
  for (const band of scene.bands) paintReign(pen, scene, band, palette, words);
}

function paintBand(pen: Pen, scene: Scene, band: Band, palette: Palette): void {
  const half = Math.min(26, scene.laneWidth / 2 - 2);
  pen.fillStyle = palette.band;
  pen.fillRect(band.x - half, band.top, half * 2, band.bottom - band.top);
}

function paintReign(pen: Pen, scene: Scene, band: Band, palette: Palette, words: Words): void {
  if (band.bottom - band.top < 24) return;
  const half = Math.min(26, scene.laneWidth / 2 - 2);
  pen.textAlign = 'left';
  pen.fillStyle = palette.ink;
  const room = scene.laneWidth / 2 - half + Math.min(half, scene.laneWidth / 4);
  const isRoomy = room >= roomForWords;
  const text = isRoomy ? words.leads(band.epoch) : words.leadsShort(band.epoch);
  pen.fillText(text, isRoomy ? band.x + half + 4 : band.x + 8, band.top + 9);
}

function paintGrid(pen: Pen, scene: Scene, palette: Palette, words: Words): void {
  pen.textAlign = 'center';
  pen.lineWidth = 1;
  for (const { node, x } of scene.lanes) {
    pen.fillStyle = palette.ink;
    pen.fillText(words.node(node), x, headHeight / 2, scene.laneWidth);
    pen.strokeStyle = palette.faint;
    line(pen, x, headHeight, x, scene.bottom + 8);
  }
  pen.textAlign = 'right';
  const first = (scene.lanes[0]?.x ?? 0) - scene.laneWidth / 2;
  let free = 0;
  for (const { y, value } of scene.marks) {
    if (y < free) continue;
    pen.fillStyle = palette.ink;
    pen.fillText(words.mark(value), first - 6, y, first - 8);
    free = y + 14;
  }
  for (const { y, size } of scene.gaps) paintGap(pen, scene, first, y, words.gap(size), palette);
}

/** A zigzag across all lanes: here some time was left out. */
function paintGap(pen: Pen, scene: Scene, from: number, y: number, word: string, palette: Palette): void {
  pen.strokeStyle = palette.faint;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(from, y);
  for (let x = from + 6, up = true; x < scene.width - 4; x += 6, up = !up) pen.lineTo(x, y + (up ? -2.5 : 2.5));
  pen.stroke();
  pen.textAlign = 'center';
  const x = from + scene.laneWidth / 2 + (scene.lanes.length > 1 ? scene.laneWidth / 2 : 24);
  const width = word.length * 7 + 8;
  pen.fillStyle = palette.ground;
  pen.fillRect(x - width / 2, y - 7, width, 14);
  pen.fillStyle = palette.ink;
  pen.fillText(word, x, y);
}

function paintArrow(pen: Pen, arrow: Arrow, palette: Palette, words: Words): void {
  const colour = arrow.violation ? palette.violation : palette[arrow.group];
  const isFaint = arrow.fate === 'flying' || arrow.fate === 'unseen' || arrow.fate === 'cutOff';
  pen.globalAlpha = arrow.dim ? dimmed : isFaint ? 0.6 : 1;
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  pen.lineWidth = arrow.violation || arrow.group === 'election' ? 2 : 1.4;
  pen.setLineDash(arrow.violation ? [6, 4] : isFaint ? [2, 3] : []);
  line(pen, arrow.x1, arrow.y1, arrow.x2, arrow.y2);
  pen.setLineDash([]);
  if (arrow.fate === 'lost') paintCross(pen, arrow.x2, arrow.y2, palette.fault);
  else if (arrow.fate === 'unseen') paintUnknown(pen, arrow, palette);
  else paintHead(pen, arrow);
  if (arrow.violation) {
    pen.textAlign = 'center';
    pen.fillStyle = palette.violation;
    pen.fillText(words.violation, (arrow.x1 + arrow.x2) / 2, (arrow.y1 + arrow.y2) / 2 - 9);
  }
  pen.globalAlpha = 1;
}

function paintHead(pen: Pen, { x1, y1, x2, y2, fate }: Arrow): void {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const back = fate === 'arrived' || fate === 'cutOff' ? radius : 0;
  const [tipX, tipY] = [x2 - Math.cos(angle) * back, y2 - Math.sin(angle) * back];
  pen.beginPath();
  pen.moveTo(tipX, tipY);
  for (const turn of [-0.42, 0.42]) pen.lineTo(tipX - Math.cos(angle + turn) * 8, tipY - Math.sin(angle + turn) * 8);
  pen.closePath();
  pen.fill();
}

/** It ends here, and nobody knows how. */
function paintUnknown(pen: Pen, { x2, y2 }: Arrow, palette: Palette): void {
  pen.globalAlpha = 1;
  pen.fillStyle = palette.ground;
  pen.fillRect(x2 - 5, y2 - 7, 10, 14);
  pen.textAlign = 'center';
  pen.fillStyle = palette.ink;
  pen.fillText('?', x2, y2);
}

function paintCross(pen: Pen, x: number, y: number, colour: string): void {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  line(pen, x - 4, y - 4, x + 4, y + 4);
  line(pen, x - 4, y + 4, x + 4, y - 4);
}

function paintDot(pen: Pen, { event, x, y, relation }: Dot, palette: Palette): void {
  const colour = event.violation ? palette.violation : palette[event.group];
  const isConcurrent = relation === 'concurrent';
  // An outline instead of a filled dot: concurrent. It keeps a contrast of its own, and is not only dim.
  pen.globalAlpha = isConcurrent ? 0.55 : 1;
  pen.lineWidth = 1.6;
  pen.strokeStyle = colour;
  pen.fillStyle = isConcurrent ? palette.ground : colour;
  pen.beginPath();
  if (event.kind === 'local') pen.rect(x - radius, y - radius, radius * 2, radius * 2);
  else pen.arc(x, y, event.kind === 'send' ? radius - 0.5 : radius, 0, Math.PI * 2);
  pen.fill();
  pen.stroke();
  pen.globalAlpha = 1;
  if (relation !== 'self') return;
  pen.strokeStyle = palette.selected;
  pen.lineWidth = 3;
  pen.beginPath();
  pen.arc(x, y, radius + 5, 0, Math.PI * 2);
  pen.stroke();
}

function line(pen: Pen, x1: number, y1: number, x2: number, y2: number): void {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
