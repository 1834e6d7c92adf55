/** The head of every page: which node this is, who leads, how the connection stands, active faults; language and colours. */
import type { ActiveFault } from '../http/live/protocol.ts';
import { roundOf } from './cluster.ts';
import type { Connection } from './feed.ts';
import type { Formats } from './format.ts';
import { leader, leaderlessSinceMs, own, state } from './live.ts';
import { chooseLanguage, chooseTheme, format, language, theme, themes, words } from './preferences.ts';
import { route, routes } from './routes.tsx';
import { roleWord } from './standing.tsx';
import { languages, type Words } from './words.ts';

const languageNames = { en: 'English', es: 'Español' } as const;

export function connectionWords(connection: Connection, nowMs: number, w: Words, f: Formats): string {
  switch (connection.kind) {
    case 'connecting':
      return nowMs - connection.sinceMs > 2000 ? w.connectingLong : w.connecting;
    case 'live':
      return w.live;
    case 'stale':
      return w.stale(f.span(nowMs - connection.sinceMs));
    case 'reconnecting':
      return connection.nextAtMs > nowMs ? w.reconnecting(f.span(connection.nextAtMs - nowMs)) : w.reconnectingNow;
    case 'mismatch':
      return w.mismatch;
  }
}
const connectionMarks: Readonly<Record<Connection['kind'], string>> = {
  connecting: '◌',
  live: '●',
  stale: '◌',
  reconnecting: '✕',
  mismatch: '⚠',
};

function ConnectionState() {
  const connection = state.connection.value;
  return (
    <span class={`connection ${connection.kind}`}>
      <span aria-hidden="true">{connectionMarks[connection.kind]}</span>{' '}
      {connectionWords(connection, state.now.value, words.value, format.value)}
    </span>
  );
}

function Leader() {
  const w = words.value;
  const since = leaderlessSinceMs.value;
  if (state.hello.value === null) return <dd>–</dd>;
  if (leader.value === null) {
    return <dd class="bad">⚠ {since === null ? w.none : w.noLeader(format.value.span(state.now.value - since))}</dd>;
  }
  const isMe = leader.value === state.hello.value.node;
  return (
    <dd>
      <span aria-hidden="true" class="star">
        ★
      </span>{' '}
      {leader.value} {isMe && <b class="badge">{w.me}</b>}
    </dd>
  );
}

export function faultWords(fault: ActiveFault, nowMs: number, w: Words, f: Formats): string {
  const peer = fault.peer === undefined ? '*' : String(fault.peer);
  const what =
    fault.what === 'cut'
      ? w.faultCut(fault.node, peer)
      : fault.what === 'pause'
        ? w.faultPause(fault.node)
        : w.faultKilled(fault.node);
  return fault.healsAtWallMs === null ? what : `${what}, ${w.healsIn(f.span(fault.healsAtWallMs - nowMs))}`;
}

function Faults() {
  const w = words.value;
  const faults = state.faults.value;
  if (faults.length === 0) return null;
  const nodeNow = state.now.value + state.clockOffsetMs.value;
  return (
    <ul class="faults" aria-label={w.faultsActive}>
      {faults.map((fault) => (
        <li key={fault.id}>⚠ {faultWords(fault, nodeNow, w, format.value)}</li>
      ))}
    </ul>
  );
}

function Switches() {
  const w = words.value;
  return (
    <div class="switches">
      <select
        aria-label={w.language}
        value={language.value}
        onChange={({ currentTarget }) => chooseLanguage(languages.find((one) => one === currentTarget.value) ?? 'en')}
      >
        {languages.map((one) => (
          <option key={one} value={one} lang={one}>
            {languageNames[one]}
          </option>
        ))}
      </select>
      <select
        aria-label={w.theme}
        value={theme.value}
        onChange={({ currentTarget }) => chooseTheme(themes.find((one) => one === currentTarget.value) ?? 'auto')}
      >
        {themes.map((one) => (
          <option key={one} value={one}>
            {w[one]}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Navigation() {
  const w = words.value;
  return (
    <nav aria-label={w.pages}>
      {routes.map((one) => (
        <a key={one} href={`#${one}`} {...(route.value === one && { 'aria-current': 'page' as const })}>
          {w[one]}
        </a>
      ))}
    </nav>
  );
}

export function Header() {
  const w = words.value;
  const f = format.value;
  const hello = state.hello.value;
  const status = own.value?.view?.status;
  return (
    <header class={state.connection.value.kind === 'live' ? '' : 'old'}>
      <div class="bar">
        <h1>{w.title}</h1>
        <ConnectionState />
        <Faults />
        <Switches />
      </div>
      <dl class="identity">
        <div>
          <dt>{w.node}</dt>
          <dd>{hello?.node ?? '–'}</dd>
        </div>
        <div>
          <dt>{w.leader}</dt>
          <Leader />
        </div>
        <div>
          <dt>{w.epoch}</dt>
          <dd>{status ? f.count(roundOf(status.epoch)) : '–'}</dd>
        </div>
        <div>
          <dt>{w.role}</dt>
          <dd>{status ? roleWord(status.role, w) : '–'}</dd>
        </div>
        <div class="lamport">
          <dt>{w.lamport}</dt>
          <dd>{status ? f.count(status.lamport) : '–'}</dd>
        </div>
      </dl>
      <Navigation />
    </header>
  );
}
