/** Nodes on a circle, a line for each link: round trip, how far the follower is behind, or that it is cut. */
import { isUp } from '../cluster.ts';
import { members } from '../live.ts';
import { format } from '../preferences.ts';
import { markOf, roleWord, toneOf } from '../standing.tsx';
import { edgesOf } from './links.ts';
import { words } from './texts.ts';

const width = 480;
const height = 330;
const radius = 34;

interface Place {
  readonly x: number;
  readonly y: number;
}
function placesOf(count: number): readonly Place[] {
  if (count === 1) return [{ x: width / 2, y: height / 2 }];
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count - Math.PI / 2 - (count === 2 ? Math.PI / 2 : 0);
    return { x: width / 2 + 168 * Math.cos(angle), y: height / 2 + 20 + (count === 3 ? 132 : 112) * Math.sin(angle) };
  });
}

export function Graph() {
  const w = words.value;
  const f = format.value;
  const all = members.value;
  const edges = edgesOf(all);
  const places = placesOf(all.length);
  const placeOf = (node: number): Place => places[all.findIndex((member) => member.node === node)] ?? { x: 0, y: 0 };
  const cuts = edges.filter(({ kind }) => kind === 'cut').map(({ a, b }) => w.cutBetween(a, b));
  const label = w.pictureOf(
    all.map(({ node, standing }) => `${node} ${roleWord(standing, w)}`).join(', '),
    cuts.length === 0 ? w.allLinksUp : cuts.join(' '),
  );
  return (
    <svg class="graph" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {edges.map(({ a, b, kind, rttMs, lag }) => {
        const [from, to] = [placeOf(a), placeOf(b)];
        const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
        const text = kind === 'up' && rttMs !== null ? f.duration(rttMs) : kind === 'cut' ? `✕ ${w.linkCut}` : '?';
        const behind = lag === null || lag === 0 ? '' : w.lagOf(f.short(lag));
        return (
          <g key={`${a}-${b}`} class={`edge ${kind}`}>
            <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
            <text x={middle.x} y={middle.y + 4}>
              {text}
            </text>
            <text class="behind" x={middle.x} y={middle.y + 20}>
              {behind}
            </text>
          </g>
        );
      })}
      {all.map((member) => {
        const { x, y } = placeOf(member.node);
        return (
          <g key={member.node} class={`vertex ${toneOf(member.standing)} ${isUp(member) ? '' : 'away'}`}>
            <circle cx={x} cy={y} r={radius} />
            <text x={x} y={y - 2} class="id">
              {member.node}
            </text>
            <text x={x} y={y + 16}>
              {markOf(member.standing)}
            </text>
            <text x={x} y={y + radius + 16} class="role">
              {roleWord(member.standing, w)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
