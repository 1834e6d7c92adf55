/**
 * The messages, newest first by Lamport time. Only the rows that can be seen are in the document.
 *
 * It follows the newest until somebody scrolls, pauses or searches back in it: then the rows stand still, nothing that was
 * shown goes away, what came meanwhile is counted, and one button goes back to the newest.
 */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { MessageView } from '../../actors/observation.ts';
import { state } from '../live.ts';
import { format, words } from '../preferences.ts';
import { sampleOf } from '../rings.ts';
import { place } from '../routes.tsx';
import { isSearch, matching, oneLine, rowWindow, type Search } from './rowWindow.ts';

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
        {row.bytes > new Blob([row.content]).size && <span class="faint">{w.cutContent(f.count(row.bytes))}</span>}
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
  useEffect(() => {
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
          search.value = { ...search.value, text: currentTarget.value };
        }}
      />
      <select
        aria-label={w.only}
        value={search.value.onlyViolations ? 'violations' : 'every'}
        onChange={({ currentTarget }) => {
          search.value = { ...search.value, onlyViolations: currentTarget.value === 'violations' };
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
        <button
          type="button"
          class="primary"
          onClick={() => {
            frozen.value = null;
          }}
        >
          {w.follow}
          {added > still.added && ` (${w.fresh(format.value.short(added - still.added))})`}
        </button>
      )}
    </div>
  );
}

export function Messages() {
  const w = words.value;
  const f = format.value;
  state.messagesVersion.value; // Drawn again with every change of the ring.
  const wanted = place.value;
  useEffect(() => {
    if (wanted === 'violations') search.value = { text: '', onlyViolations: true };
  }, [wanted]);
  const { added } = state.messages;
  const all = frozen.value?.rows ?? state.messages.rows;
  const rows = matching(all, search.value);
  const { oneOf, span } = sampleOf(all);
  return (
    <section class="panel messages" aria-labelledby="messages">
      <div class="panel-head">
        <h3 id="messages">{w.messages}</h3>
        {all.length > 0 && (
          <p class="sample">
            {w.rowsOf(f.count(rows.length), f.count(span))} · {oneOf > 1.005 ? w.sampled(f.ratio(oneOf)) : w.complete}
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
      {rows.length > 0 && <Table rows={rows} />}
    </section>
  );
}
