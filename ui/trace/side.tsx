/** Beside the diagram: the chain of the chosen event in words, the legend, and the exports. */
import { signal } from '@preact/signals';
import { format, wordsOf } from '../preferences.ts';
import { type Chain, chainOf } from './chain.ts';
import { chromeTraceOf, jsonLinesOf } from './otherExports.ts';
import { linkOf, type Traced } from './record.ts';
import { maxExported, shivizOf } from './shiviz.ts';
import { choose, command, picture, reigns, saying, selected } from './store.ts';
import { sayEvent, traceWords } from './words.ts';

function Links({ events }: { readonly events: readonly Traced[] }) {
  return (
    <ol class="chain">
      {events.map((event) => (
        <li key={event.id}>
          <button type="button" class="plain" onClick={() => choose(event.id)}>
            {sayEvent(event, saying.value)}
          </button>
        </li>
      ))}
    </ol>
  );
}

function Story({ event, chain }: { readonly event: Traced; readonly chain: Chain }) {
  const w = wordsOf(traceWords);
  const count = (value: number): string => format.value.count(value);
  return (
    <>
      <p>
        <strong>{sayEvent(event, saying.value)}</strong>
        <br />
        <span class="faint">{format.value.clockMs(event.wallMs)}</span>
      </p>
      <p class="faint">
        {w.counts(count(chain.past), count(chain.future), count(chain.concurrent))}
        {picture.value.oneOf > 1 && ` ${w.countsSampled}`}
      </p>
      {chain.causes.length > 0 && (
        <>
          <h4>{w.causes}</h4>
          {chain.hasEarlier && <p class="faint">⋯ {w.earlier}</p>}
          <Links events={chain.causes} />
        </>
      )}
      {chain.effects.length > 0 && (
        <>
          <h4>{w.effects}</h4>
          <Links events={chain.effects} />
        </>
      )}
      <p class="row">
        <button type="button" onClick={() => command('deselect')}>
          {w.deselect}
        </button>
        <a href={`#trace/${linkOf(event)}`}>{w.copyLink}</a>
      </p>
    </>
  );
}

export function ChainPanel() {
  const w = wordsOf(traceWords);
  const event = selected.value;
  return (
    <section class="panel" aria-labelledby="chain-title">
      <h3 id="chain-title">{w.chain}</h3>
      {event === null ? (
        <p class="faint">{w.choose}</p>
      ) : (
        <Story event={event} chain={chainOf(picture.value.graph, event)} />
      )}
    </section>
  );
}

export function Legend() {
  const w = wordsOf(traceWords);
  const entries: readonly (readonly [mark: string, tone: string, word: string])[] = [
    ['●', 'replication', w.legendReplication],
    ['●', 'election', w.legendElection],
    ['●', 'client', w.legendClient],
    ['●', 'fault', w.legendFault],
    ['■', 'faint', w.legendLocal],
    ['╌', 'violation', w.legendViolation],
    ['✗', 'fault', w.legendLost],
    ['┈▸', 'replication', w.legendFlying],
    ['┈?', 'replication', w.legendUnseen],
    ['▮', 'leads', w.legendLeads],
    ['○', 'replication', w.legendConcurrent],
    ['∿', 'faint', w.legendGap],
  ];
  return (
    <ul class="legend" aria-label={w.legend}>
      {entries.map(([mark, tone, word]) => (
        <li key={word}>
          <span class={`mark ${tone}`} aria-hidden="true">
            {mark}
          </span>{' '}
          {word}
        </li>
      ))}
    </ul>
  );
}

/** Events of a causal cycle, which no export may hide. */
const cycle = signal<readonly Traced[]>([]);

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  Object.assign(link, { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function saveShiViz(): void {
  const made = shivizOf(picture.peek().graph.order);
  cycle.value = made.kind === 'cycle' ? made.events : [];
  if (made.kind === 'text') save('trace-shiviz.log', 'text/plain', made.text);
}
const savePerfetto = (scale: 'wall' | 'lamport'): void =>
  save(`trace-${scale}.json`, 'application/json', chromeTraceOf(picture.peek().graph, reigns.peek(), scale));
function saveLines(): void {
  const { graph, oneOf, dropped } = picture.peek();
  save('trace.jsonl', 'application/x-ndjson', jsonLinesOf(graph.order, { oneOf, dropped }));
}

export function ExportPanel() {
  const w = wordsOf(traceWords);
  return (
    <section class="panel" aria-labelledby="export-title">
      <h3 id="export-title">{w.exports}</h3>
      <p class="faint">
        {w.exportNote(format.value.count(maxExported))}
        {picture.value.oneOf > 1 && ` ${w.exportSampled}`}
      </p>
      <p class="row">
        <button type="button" onClick={saveShiViz}>
          {w.shiviz}
        </button>
        <button type="button" onClick={() => savePerfetto('wall')}>
          {w.perfetto}
        </button>
        <button type="button" onClick={() => savePerfetto('lamport')}>
          {w.perfettoLamport}
        </button>
        <button type="button" onClick={saveLines}>
          {w.json}
        </button>
      </p>
      {cycle.value.length > 0 && (
        <p class="bad" role="alert">
          ✕ {w.cycle}: {cycle.value.map(linkOf).join(', ')}
        </p>
      )}
    </section>
  );
}
