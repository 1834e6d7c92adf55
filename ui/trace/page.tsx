/** The space-time diagram (after Lamport 1978): diagram, the same as a table, the chain of one event, exports. */
import { useSignal, useSignalEffect } from '@preact/signals';
import type { AriaAttributes } from 'preact';
import { spoken, useWish } from '../live.ts';
import { format, wordsOf } from '../preferences.ts';
import { Diagram, positionWords } from './diagram.tsx';
import { maxRecorded } from './record.ts';
import { ChainPanel, ExportPanel, Legend } from './side.tsx';
import {
  axis,
  chosenOneOf,
  command,
  first,
  followAddress,
  isFollowing,
  look,
  missing,
  ordered,
  picture,
  recordVersion,
  relations,
  saying,
  selected,
  viewing,
  wantedOneOf,
  watchAddress,
  windowSize,
} from './store.ts';
import { EventTable } from './table.tsx';
import { type Command, commandOf } from './viewing.ts';
import { sayEvent, traceWords } from './words.ts';

const everyMs = 200;
const shares = [1, 16, 256, 4096] as const;

/** Chosen without the pointer: said aloud, since the picture says it to the eye alone. */
function press(what: Command, nothing: string): void {
  const changed = command(what);
  const event = selected.peek();
  if (!changed) spoken.value = nothing;
  else if (event !== null) spoken.value = sayEvent(event, saying.peek(), relations.peek()?.(event));
}

function keyDown(event: KeyboardEvent): void {
  const what = commandOf(event.key);
  const isBracket = event.key === '[' || event.key === ']';
  if (what === undefined || (!isBracket && (event.ctrlKey || event.metaKey || event.altKey))) return;
  event.preventDefault();
  const w = wordsOf(traceWords);
  press(what, isBracket ? w.noViolation : what.endsWith('Election') ? w.noElection : '');
}

/** A place that can be walked to and takes the keys: the diagram, and the table that says the same. */
const keyed = (name: AriaAttributes) => ({ role: 'group' as const, tabIndex: 0, onKeyDown: keyDown, ...name });

function Tools() {
  const w = wordsOf(traceWords);
  const said = useSignal('');
  const go = (what: Command, nothing: string) => () => {
    said.value = command(what) ? '' : nothing;
    if (said.value !== '') spoken.value = nothing;
  };
  const most = Math.max(0, ordered.value.length - windowSize.value);
  return (
    <>
      <div class="row">
        <button type="button" onClick={() => command('pause')}>
          {isFollowing.value ? `‖ ${w.pause}` : `▸ ${w.follow}`}
        </button>
        <button type="button" aria-label={w.older} title={w.older} onClick={() => command('pageUp')}>
          ⇞
        </button>
        <button type="button" aria-label={w.newer} title={w.newer} onClick={() => command('pageDown')}>
          ⇟
        </button>
        <button type="button" onClick={go('previousViolation', w.noViolation)}>
          [ {w.previousViolation}
        </button>
        <button type="button" onClick={go('nextViolation', w.noViolation)}>
          ] {w.nextViolation}
        </button>
        <button type="button" onClick={go('previousElection', w.noElection)}>
          E {w.previousElection}
        </button>
        <button type="button" onClick={go('nextElection', w.noElection)}>
          e {w.nextElection}
        </button>
        <span class="faint">{said.value}</span>
      </div>
      <label class="slider">
        <span>
          {w.position}: {positionWords.value}
        </span>
        <input
          type="range"
          min={0}
          max={most}
          value={first.value}
          aria-valuetext={positionWords.value}
          disabled={most === 0}
          onInput={({ currentTarget }) => look({ ...viewing.peek(), first: Number(currentTarget.value) })}
        />
      </label>
    </>
  );
}

function Choices() {
  const w = wordsOf(traceWords);
  const chosen = chosenOneOf.value;
  return (
    <div class="row choices">
      <label>
        {w.axis}{' '}
        <select
          value={axis.value}
          onChange={({ currentTarget }) => {
            axis.value = currentTarget.value === 'wall' ? 'wall' : 'lamport';
          }}
        >
          <option value="lamport">{w.lamport}</option>
          <option value="wall">{w.wall}</option>
        </select>
      </label>
      <label>
        {w.sampling}{' '}
        <select
          value={chosen ?? 'auto'}
          onChange={({ currentTarget }) => {
            chosenOneOf.value = currentTarget.value === 'auto' ? null : Number(currentTarget.value);
          }}
        >
          <option value="auto">{w.auto}</option>
          {shares.map((share) => (
            <option key={share} value={share}>
              {share === 1 ? w.allShown : w.oneOf(format.value.count(share))}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Honesty() {
  const w = wordsOf(traceWords);
  const { oneOf, dropped } = picture.value;
  const count = (value: number): string => format.value.count(value);
  return (
    <p class="faint">
      {oneOf > 1 ? <strong>{w.sampleSome(count(oneOf))}</strong> : w.sampleAll}{' '}
      {dropped > 0 && w.dropped(count(dropped))} {w.kept(count(maxRecorded))} {axis.value === 'wall' && w.wallNote}
    </p>
  );
}

export function TracePage() {
  useWish({ trace: true, oneOf: wantedOneOf.value, everyMs });
  useSignalEffect(watchAddress);
  useSignalEffect(() => {
    recordVersion.value; // What the address names may be in what has just come.
    followAddress();
  });
  const w = wordsOf(traceWords);
  return (
    <div class="trace-page">
      <section class="panel" aria-labelledby="trace-title">
        <div class="panel-head">
          <h3 id="trace-title">{w.title}</h3>
          <Choices />
        </div>
        <p class="faint">{w.about}</p>
        <Tools />
        {missing.value !== null && <p class="warn">⚠ {w.notFound(missing.value)}</p>}
        <div class="keyed" {...keyed({ 'aria-label': w.region, 'aria-describedby': 'trace-keys' })}>
          <Diagram />
        </div>
        <Legend />
        <Honesty />
        <p class="faint keys" id="trace-keys">
          {w.keys}: {w.keysText}
        </p>
      </section>
      <div class="beside">
        <ChainPanel />
        <ExportPanel />
      </div>
      <section class="panel wide" aria-labelledby="events-title">
        <h3 id="events-title">{w.table}</h3>
        <div class="sideways" {...keyed({ 'aria-labelledby': 'events-title' })}>
          <EventTable />
        </div>
      </section>
    </div>
  );
}
