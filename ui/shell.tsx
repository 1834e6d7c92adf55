/** The frame around every page: header, banners of what is wrong, the page, the live region. */
import { isShut } from './access.ts';
import { roundOf } from './cluster.ts';
import { understoodVersion } from './feed.ts';
import { Header } from './header.tsx';
import { leader, leaderlessSinceMs, members, split, spoken, state } from './live.ts';
import { format, words } from './preferences.ts';
import { CurrentPage, route } from './routes.tsx';
import { SignIn } from './signIn.tsx';

function Split() {
  const opinions = split.value;
  const w = words.value;
  if (opinions.length === 0) return null;
  return (
    <div class="banner bad">
      <strong>⚠ {w.split}</strong>
      <ul>
        {opinions.map(({ node, leader, epoch }) => (
          <li key={node}>
            {w.opinion(node, leader === null ? w.none : String(leader), format.value.count(roundOf(epoch)))}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Mismatch() {
  const connection = state.connection.value;
  const w = words.value;
  if (connection.kind !== 'mismatch') return null;
  return (
    <div class="banner bad">
      <strong>⚠ {w.mismatchLong(connection.version, understoodVersion)}</strong>
      <button type="button" onClick={() => location.reload()}>
        {w.reload}
      </button>
    </div>
  );
}

/** An election takes a fraction of a second: only a longer gap is worth a banner. */
const leaderlessMs = 1000;

function Troubles() {
  const w = words.value;
  const f = format.value;
  const since = leaderlessSinceMs.value;
  const isLong = since !== null && leader.value === null && state.now.value - since >= leaderlessMs;
  const lines = [
    ...(isLong ? [`${w.noLeader(f.span(state.now.value - since))}. ${w.noLeaderLong}`] : []),
    ...members.value.flatMap(({ node, standing, view, madeAtMs }) => {
      const said: string[] = [];
      if (standing === 'down') {
        said.push(w.nodeDown(node) + (madeAtMs === null ? '' : `, ${w.lastHeard(f.clock(madeAtMs))}`));
      } else {
        if (view?.status.trouble) said.push(w.troubleOf(node, view.status.trouble));
        if (view?.status.diskFull) said.push(w.diskFullOf(node));
      }
      return said;
    }),
  ];
  if (lines.length === 0) return null;
  return (
    <ul class="banner warn">
      {lines.map((line) => (
        <li key={line}>⚠ {line}</li>
      ))}
    </ul>
  );
}

export function Shell() {
  const w = words.value;
  return (
    <>
      {/* A button: the address names the page, not the place in it. */}
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {w.skip}
      </button>
      <Header />
      <main id="main" tabIndex={-1} class={state.connection.value.kind === 'live' || isShut.value ? '' : 'old'}>
        <h2 class="unseen">{w[route.value]}</h2>
        <Mismatch />
        <Split />
        <Troubles />
        {isShut.value ? <SignIn /> : <CurrentPage />}
      </main>
      <p class="unseen" role="status" aria-live="polite">
        {spoken.value}
      </p>
    </>
  );
}
