/**
 * The page on which the play is seen: a heading for each node, its dashboard below, captions at the bottom; one dashboard
 * can be put over all three. It decides nothing: `stage` in it does what it is told.
 */
export const stageSize = { width: 1600, height: 900 } as const;

/**
 * Of dashboards in columns, and of the one over all: smaller ones show more, greater ones are read more easily. In columns a
 * dashboard is just wide enough (more than 40rem) to be laid out as on a desk, not as on a telephone.
 */
const columnScale = 0.82;
const wideScale = 0.95;
const headHeight = 56;
const captionHeight = 104;

const style = `
* { box-sizing: border-box; margin: 0; }
html, body { height: 100%; overflow: hidden; background: #10151c; color: #f3f5f8; }
body { display: grid; grid-template-rows: ${headHeight}px minmax(0, 1fr) ${captionHeight}px; font-family: system-ui, sans-serif; }
.heads, .frames { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 4px; }
.head { display: flex; align-items: center; gap: 14px; padding-inline: 18px; font-size: 25px; background: #1c2531; border-bottom: 5px solid #3b4a5e; }
.head b { font-variant-numeric: tabular-nums; }
.head.leads { background: #6b4e00; border-color: #ffc83d; color: #fff; }
.head.leads span { font-weight: 700; }
.head.leads span::before { content: '★ '; color: #ffd76a; }
.head.dead { background: #5b1420; border-color: #ff5c74; }
.head.dead span::before { content: '✕ '; }
.head.chooses { background: #3c2a57; border-color: #b48cff; }
.head.leads, .head.dead, .head.chooses { animation: changed 900ms ease-out; }
@keyframes changed { 0% { filter: brightness(2.2); } 100% { filter: none; } }
.frames { position: relative; background: #10151c; }
.frame { position: relative; overflow: hidden; }
iframe { position: absolute; inset: 0 auto auto 0; border: 0; background: #fff; transform-origin: 0 0; }
.frame iframe { width: ${100 / columnScale}%; height: ${100 / columnScale}%; transform: scale(${columnScale}); }
.frame::after { content: ''; position: absolute; inset: 0; pointer-events: none; }
.frame.dead::after { background: rgb(40 8 14 / 55%); transition: background 400ms; }
#wide { position: absolute; inset: 0; visibility: hidden; overflow: hidden; }
#wide.shown { visibility: visible; }
#wide iframe { width: ${100 / wideScale}%; height: ${100 / wideScale}%; transform: scale(${wideScale}); }
.captions { display: flex; align-items: center; gap: 28px; padding-inline: 26px; }
#caption { flex: 1; font-size: 27px; line-height: 1.28; text-wrap: pretty; }
#count { min-width: 190px; text-align: right; color: #b9c4d2; font-size: 19px; line-height: 1.2; font-variant-numeric: tabular-nums; }
#card { position: absolute; inset: 0; z-index: 2; display: grid; place-content: center; gap: 26px; padding: 0 120px; text-align: center; background: #10151c; opacity: 0; visibility: hidden; transition: opacity 350ms, visibility 350ms; }
#card.shown { opacity: 1; visibility: visible; }
#card p { font-size: 36px; line-height: 1.3; text-wrap: balance; }
#card p:first-child { font-size: 68px; font-weight: 700; }
#card p:last-child { color: #b9c4d2; font-size: 28px; }
`;

const script = `
const byId = (id) => document.getElementById(id);
const stage = {
  caption(text) { byId('caption').textContent = text; },
  count(text) { byId('count').textContent = text; },
  standing(node, kind, words) {
    const head = byId('head-' + node);
    head.className = 'head ' + kind;
    head.lastElementChild.textContent = words;
    byId('frame-' + node).classList.toggle('dead', kind === 'dead');
  },
  wide(isShown) { byId('wide').classList.toggle('shown', isShown); },
  card(lines) {
    if (lines.length > 0) byId('card').replaceChildren(...lines.map((line) => Object.assign(document.createElement('p'), { textContent: line })));
    byId('card').classList.toggle('shown', lines.length > 0);
  },
};
`;

export interface Column {
  readonly node: number;
  /** Of its dashboard. */
  readonly url: string;
}

/** Addresses and ids are the demo's own: nothing in them needs to be escaped. */
export const stagePage = (columns: readonly Column[], wideUrl: string): string => `<!doctype html>
<meta charset="utf-8">
<title>distributed-log</title>
<style>${style}</style>
<div class="heads">${columns.map(({ node }) => `<div class="head" id="head-${node}"><b>${node}</b><span></span></div>`).join('')}</div>
<div class="frames">
${columns.map(({ node, url }) => `<div class="frame" id="frame-${node}"><iframe name="node-${node}" src="${url}"></iframe></div>`).join('\n')}
<div id="wide"><iframe name="wide" src="${wideUrl}"></iframe></div>
</div>
<div class="captions"><p id="caption"></p><p id="count"></p></div>
<div id="card" class="shown"></div>
<script>${script}</script>
`;
