/**
 * The messages, newest first by Lamport time. Only the rows that can be seen are in the document.
 *
 * It follows the newest until somebody scrolls, pauses or searches back in it: then the rows stand still, nothing that was
 * shown goes away, what came meanwhile is counted, and one button goes back to the newest. Whoever scrolls to the end gets
 * what is older, from the log. A search says what it has looked at, and can go on through the whole log.
 */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { MessageView } from '../../actors/observation.ts';
import { readRange } from '../backlog.ts';
import { own, state } from '../live.ts';
import { format, words } from '../preferences.ts';
import { sampleOf } from '../rings.ts';
import { place } from '../routes.tsx';
import { type Found, foundMost, LogSearch, type Older, OlderRows, olderMost } from './history.ts';
import { isCut, isSearch, matching, oneLine, rowWindow, type Search } from './rowWindow.ts';

/** As in the style sheet, in rem: where the list is narrow the content has a line of its own. */
const narrowBelow = 44;
const rowHeights = { wide: 2, narrow: 3.5 } as const;
const remPixels = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

interface Frozen {
  readonly rows: readonly MessageView[];
  readonly added: number;
}
const frozen = signal<Frozen | null>(null);
const search = signal<Search>({ text: '', onlyViolations: false });
const older = new OlderRows(readRange);
const logSearch = new LogSearch(readRange);

function follow(): void {
  older.forget();
  frozen.value = null;
}
function searchFor(next: Search): void {
  logSearch.forget();
  search.value = next;
}
/** So near to the end what is older is fetched. */
const nearRows = 20;
function fetchOlder(): void {
  const oldest = frozen.peek()?.rows[0];
  if (oldest !== undefined && !isSearch(search.peek())) void older.more(oldest.id);
}

function freeze(): void {
  if (frozen.value === null) frozen.value = { rows: state.messages.rows, added: state.messages.added };
}

function Row({ row, index, top }: { readonly row: MessageView; readonly index: number; readonly top: number }) {
  const w = words.value;
  const f = format.value;
  return (
    <tr
      class={row.violation ? 'violation' : ''}
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${top}px)` }}
    >
      <td class="number">{f.count(row.lamport)}</td>
      <td class="number id">{f.count(row.id)}</td>
      <td class="number origin">{row.origin}</td>
      <td class="at">{f.clockMs(row.physicalSeconds * 1000)}</td>
      <td class="content" dir="auto" title={oneLine(row.content)}>
        {oneLine(row.content)}
        {isCut(row) && <span class="faint">{w.cutContent(f.count(row.bytes))}</span>}
      </td>
      <td class="state">{row.violation ? <b>⚠ {w.violation}</b> : w.ok}</td>
    </tr>
  );
}

function Table({ rows }: { readonly rows: readonly MessageView[] }) {
  const w = words.value;
  const box = useRef<HTMLElement>(null);
  const scroll = useSignal({ top: 0, height: 420, row: 32 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = (): void => {
      const rem = remPixels();
      const row = rem * rowHeights[element.clientWidth < narrowBelow * rem ? 'narrow' : 'wide'];
      scroll.value = { top: element.scrollTop, height: element.clientHeight, row };
      if (element.scrollTop > 4) freeze();
      const left = element.scrollHeight - element.clientHeight - element.scrollTop;
      if (element.scrollTop > 4 && left < nearRows * row) fetchOlder();
    };
    look();
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      watcher.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  const isFollowing = frozen.value === null;
  // Before the browser tells of the scrolling that a shorter list brings: that would stop the following again.
  useLayoutEffect(() => {
    if (isFollowing && box.current !== null) box.current.scrollTop = 0;
  }, [isFollowing]);

  const { top, height, row: rowPixels } = scroll.value;
  const { first, end } = rowWindow(top, height, rowPixels, rows.length);
  const shown = Array.from({ length: end - first }, (_, i) => first + i);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard too.
    <section class="rows" ref={box} tabIndex={0} aria-label={`${w.messages}: ${w.jumpTop}`}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="number">
              {w.lamport} ↓
            </th>
            <th scope="col" class="number id">
              {w.id}
            </th>
            <th scope="col" class="number origin">
              {w.node}
            </th>
            <th scope="col" class="at">
              {w.at}
            </th>
            <th scope="col" class="content">
              {w.content}
            </th>
            <th scope="col" class="state">
              {w.status}
            </th>
          </tr>
        </thead>
        <tbody style={{ height: `${rows.length * rowPixels}px` }}>
          {shown.map((index) => {
            const row = rows[rows.length - 1 - index];
            return row === undefined ? null : (
              <Row key={`${row.lamport}:${row.id}`} row={row} index={index} top={index * rowPixels} />
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Tools({ added }: { readonly added: number }) {
  const w = words.value;
  const still = frozen.value;
  return (
    <div class="tools">
      <input
        type="search"
        aria-label={w.search}
        placeholder={w.searchHint}
        value={search.value.text}
        onInput={({ currentTarget }) => {
          searchFor({ ...search.value, text: currentTarget.value });
        }}
      />
      <select
        aria-label={w.only}
        value={search.value.onlyViolations ? 'violations' : 'every'}
        onChange={({ currentTarget }) => {
          searchFor({ ...search.value, onlyViolations: currentTarget.value === 'violations' });
        }}
      >
        <option value="every">{w.every}</option>
        <option value="violations">{w.onlyViolations}</option>
      </select>
      {still === null ? (
        <button type="button" onClick={freeze}>
          {w.pause}
        </button>
      ) : (
        <button type="button" class="primary" onClick={follow}>
          {w.follow}
          {added > still.added && ` (${w.fresh(format.value.short(added - still.added))})`}
        </button>
      )}
    </div>
  );
}

/** What the search has looked at, and the way to look at more. */
function Searched({ rows, found }: { readonly rows: readonly MessageView[]; readonly found: Found | null }) {
  const w = words.value;
  const f = format.value;
  if (found !== null) {
    const what = found.from > found.to ? w.searchBegins : w.searchedLog(f.count(found.from), f.count(found.to));
    const ends = { searching: '', done: '', stopped: '', full: w.searchFull(f.count(foundMost)), failed: w.readFailed };
    return (
      <p class="searched">
        {found.state === 'searching' && '◔ '}
        {what} {w.searchFound(f.count(found.rows.length))} {ends[found.state]}{' '}
        {found.state === 'searching' && (
          <button type="button" class="small" onClick={() => logSearch.stop()}>
            {w.stopSearch}
          </button>
        )}
      </p>
    );
  }
  const lastId = own.value?.view?.status.lastId ?? 0;
  return (
    <p class="searched">
      {w.searchedHere(f.count(rows.length), f.count(rows[0]?.id ?? 0), f.count(rows.at(-1)?.id ?? 0))}{' '}
      {lastId > rows.length && (
        <button type="button" class="small" onClick={() => void logSearch.search(search.value, lastId)}>
          {w.searchLog(f.count(lastId))}
        </button>
      )}
    </p>
  );
}

function End({ older: { state: reached } }: { readonly older: Older }) {
  const w = words.value;
  const said = {
    idle: '',
    reading: w.readingOlder,
    begun: w.logBegins,
    full: w.olderFull(format.value.count(olderMost)),
    failed: w.readFailed,
  };
  return <p class="searched">{said[reached]}</p>;
}

export function Messages() {
  const w = words.value;
  const f = format.value;
  state.messagesVersion.value; // Drawn again with every change of the ring.
  const wanted = place.value;
  useEffect(() => {
    if (wanted === 'violations') searchFor({ text: '', onlyViolations: true });
  }, [wanted]);
  const { added } = state.messages;
  const back = older.value.value;
  const all = frozen.value === null ? state.messages.rows : [...back.rows, ...frozen.value.rows];
  const found = logSearch.value.value;
  const rows = found?.rows ?? matching(all, search.value);
  const { oneOf, span } = sampleOf(all);
  return (
    <section class="panel messages" aria-labelledby="messages">
      <div class="panel-head">
        <h3 id="messages">{w.messages}</h3>
        {all.length > 0 && found === null && (
          <p class="sample">
            {w.rowsOf(f.count(rows.length), f.count(span))} ·{' '}
            {oneOf > 1 ? w.sampled(f.ratio(Math.max(1.1, oneOf))) : w.complete}
            {frozen.value !== null && <b class="warn"> · {w.paused}</b>}
          </p>
        )}
        <Tools added={added} />
      </div>
      {all.length === 0 && state.hello.value !== null && (
        <p class="empty">
          {w.noMessages}{' '}
          <button type="button" onClick={() => document.getElementById('message')?.focus()}>
            {w.writeOne}
          </button>
        </p>
      )}
      {all.length > 0 && rows.length === 0 && isSearch(search.value) && <p class="empty">{w.noMatch}</p>}
      {all.length > 0 && isSearch(search.value) && <Searched rows={all} found={found} />}
      {rows.length > 0 && <Table rows={rows} />}
      {frozen.value !== null && !isSearch(search.value) && <End older={back} />}
    </section>
  );
}
