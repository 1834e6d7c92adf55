/** The style sheet of the page at /docs: light and dark as the reader's system is, from a phone to a wide screen. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#fdfdfb, #15181b);
  --raised: light-dark(#f1f2ee, #1f2428);
  --line: light-dark(#d3d6cf, #384047);
  --ink: light-dark(#1c2126, #e3e7ea);
  --faint: light-dark(#545c64, #a6b0b9);
  --link: light-dark(#0a4fa0, #8fbdf3);
  --get: light-dark(#1a6334, #7ed79b);
  --post: light-dark(#8a4300, #f2b56d);
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
*, ::before, ::after { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 82rem; padding: 0 clamp(1rem, 4vw, 2.5rem) 4rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: .15em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .6rem 1rem; background: var(--ground); z-index: 1; }
.skip:focus { top: .5rem; }
header { padding: 2rem 0 1.25rem; border-bottom: 1px solid var(--line); }
h1 { margin: 0 0 .4rem; font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; letter-spacing: -.01em; }
header p { margin: .3rem 0; color: var(--faint); max-width: 46rem; }
.links { display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; margin-top: .9rem; }
.links ul { display: flex; gap: 1rem; margin: 0; padding: 0; list-style: none; }
.links [aria-current] { color: inherit; font-weight: 600; text-decoration: none; }
.contents { padding: 1.25rem 0; }
.contents h2 { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.contents ul { margin: 0; padding: 0; list-style: none; }
.contents > ul { display: grid; gap: 1rem 1.5rem; }
.contents li li { padding: .2rem 0; font-size: .92rem; line-height: 1.4; }
.contents li li a { display: block; text-decoration: none; padding: .12rem 0; }
.contents li li a:hover { text-decoration: underline; }
.group { font-weight: 600; text-decoration: none; color: inherit; }
main { min-width: 0; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.45rem; line-height: 1.25; }
article { padding: 1.1rem 0 1.6rem; border-top: 1px solid var(--line); }
h3 { margin: 0 0 .4rem; font-size: 1.15rem; line-height: 1.35; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
h4 { margin: 1.3rem 0 .35rem; font-size: .95rem; }
article > p, section > p { margin: .4rem 0; max-width: 46rem; }
.route { margin: 0 0 .5rem; font-family: var(--mono); font-size: .95rem; }
.method { font-weight: 700; margin-right: .35rem; }
.GET { color: var(--get); }
.POST { color: var(--post); }
.note { color: var(--faint); }
code, pre { font-family: var(--mono); font-size: .875em; }
dl { margin: .3rem 0; }
.members > div { padding: .45rem 0; border-top: 1px solid var(--line); }
.members > div:first-child { border-top: 0; }
dt { font-weight: 400; }
dt > code:first-child { font-weight: 600; }
dd { margin: .1rem 0 0; }
dd p { margin: 0; }
.kind { color: var(--faint); font-size: .9rem; }
.codes { margin: 0; padding: 0; list-style: none; }
.codes li { padding: .1rem 0; }
.codes li:has(b) { display: grid; grid-template-columns: 2.5rem 1fr; align-items: baseline; }
.codes b { font-weight: 400; font-size: .9rem; color: var(--faint); }
.codes span { display: flex; flex-wrap: wrap; gap: 0 .9rem; }
.codes a { padding: .1rem 0; }
pre {
  margin: .5rem 0 0; padding: .65rem .8rem; background: var(--raised); border: 1px solid var(--line); border-radius: .35rem;
  white-space: pre-wrap; font-size: .84rem; line-height: 1.5;
}
pre + pre { margin-top: -1px; border-top-left-radius: 0; border-top-right-radius: 0; background: none; }
pre:has(+ pre) { border-bottom-left-radius: 0; border-bottom-right-radius: 0; }
.label { margin: .9rem 0 -.25rem; color: var(--faint); font-size: .88rem; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; }
th, td { padding: .5rem .75rem .5rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--faint); font-weight: 600; font-size: .88rem; }
tbody th { font-weight: 400; width: 34%; }
th:nth-child(2), td:nth-child(2) { white-space: nowrap; }
[aria-labelledby="errors"] > h3 { margin-top: 1.6rem; }
:target { scroll-margin-top: 1rem; }
tr:target, .members > div:target { background: var(--raised); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--faint); font-size: .9rem; }
@media (min-width: 40rem) {
  .contents > ul { grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
  .members > div { display: grid; grid-template-columns: minmax(11rem, 34%) 1fr; gap: 0 1.25rem; }
}
@media (min-width: 62rem) {
  .layout { display: grid; grid-template-columns: 16.5rem minmax(0, 1fr); gap: 0 3rem; align-items: start; }
  .contents { position: sticky; top: 0; max-height: 100vh; overflow-y: auto; }
  .contents > ul { grid-template-columns: 1fr; }
}
@media print { .contents, .skip, .links { display: none; } article { break-inside: avoid-page; } }
`;
