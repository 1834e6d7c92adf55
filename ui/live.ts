/**
 * The one state of this page and its feed, and what pages ask of them.
 *
 * Messages of the feed are taken together once a frame; a hidden page has no frames and takes them as they come.
 */
import { batch, computed, effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ToClient, Want } from '../http/live/protocol.ts';
import { lookForLock } from './access.ts';
import { announcements, type Picture, pictureOf } from './announce.ts';
import { backlogAfter, readBacklog } from './backlog.ts';
import { disagreement, type Facts, membersOf } from './cluster.ts';
import { Feed, type FeedSocket, type SocketListener } from './feed.ts';
import { words } from './preferences.ts';
import { route } from './routes.tsx';
import { LiveState } from './state.ts';

export const state = new LiveState();

type Wish = Omit<Want, 'type' | 'messages'>;
/** Of the overview, and of a page that is still being loaded. */
const calm: Wish = { trace: false, actors: false, oneOf: 1, everyMs: 200 };
const wish = signal(calm);
const showsMessages = computed(() => route.value === 'overview');

const facts = computed<Facts>(() => ({
  self: state.hello.value?.node ?? 0,
  voters: state.hello.value?.voters ?? [],
  nodes: state.nodes.value,
  asOfMs: state.heardAtMs.value,
}));
export const members = computed(() => membersOf(facts.value));
export const own = computed(() => members.value.find(({ node }) => node === facts.value.self));
export const leader = computed(() => own.value?.view?.status.leader ?? null);
export const isLive = computed(() => state.connection.value.kind === 'live');

/** Since when something has been so, by the clock of this page; null while it is not so. */
function sinceWhen(isSo: () => boolean): { readonly value: number | null } {
  const since = signal<number | null>(null);
  effect(() => {
    const so = isSo();
    if (so !== (since.peek() !== null)) since.value = so ? Date.now() : null;
  });
  return since;
}
export const leaderlessSinceMs = sinceWhen(
  () => state.hello.value !== null && own.value !== undefined && leader.value === null,
);
const splitSinceMs = sinceWhen(() => disagreement(members.value).length > 0);
/** Views are a moment old, so a change of leaders looks like a quarrel for that long. */
const quarrelMs = 1000;
export const split = computed(() => {
  const since = splitSinceMs.value;
  return since !== null && state.now.value - since >= quarrelMs ? disagreement(members.value) : [];
});

/** While the component is shown the feed brings this; afterwards the calm rest again. */
export function useWish(wanted: Partial<Wish>): void {
  const { trace = false, actors = false, oneOf = 1, everyMs = 100 } = wanted;
  useEffect(() => {
    wish.value = { trace, actors, oneOf, everyMs };
    return () => {
      wish.value = calm;
    };
  }, [trace, actors, oneOf, everyMs]);
}

// ---------------------------------------------------------------------------------------------------- the live region

/** Sentences for the live region, newest last; spoken at most once a second. */
export const spoken = signal('');
function speakChanges(): void {
  let before: Picture | undefined;
  let waiting: string[] = [];
  effect(() => {
    if (state.hello.value === null) return;
    const after = pictureOf(state.connection.value, members.value, facts.value.self);
    if (before !== undefined) waiting.push(...announcements(before, after, words.peek()));
    before = after;
  });
  setInterval(() => {
    if (waiting.length === 0) return;
    spoken.value = waiting.slice(-4).join('. ');
    waiting = [];
  }, 1000);
}

// ----------------------------------------------------------------------------------------------------------- the feed

function openSocket(listener: SocketListener): FeedSocket {
  const url = new URL('/live', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  socket.onopen = () => listener.opened();
  socket.onmessage = ({ data }) => listener.received(String(data));
  socket.onclose = () => listener.closed();
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => socket.close(),
  };
}

let queue: ToClient[] = [];
function flush(): void {
  const taken = queue;
  queue = [];
  batch(() => {
    for (const message of taken) state.take(message, Date.now());
  });
}

export const feed = new Feed(
  {
    open: openSocket,
    now: () => Date.now(),
    dice: () => Math.random(),
    later: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  },
  {
    changed: (connection) => {
      state.connection.value = connection;
      if (connection.kind === 'reconnecting' && (state.hello.value === null || connection.attempt > 1))
        void lookForLock();
    },
    received: (message) => {
      if (document.hidden) {
        flush();
        state.take(message, Date.now());
        return;
      }
      if (queue.push(message) === 1) requestAnimationFrame(flush);
    },
  },
);

/** Messages from before anybody looked, and from while this page was away or showed none. */
async function catchUp(): Promise<void> {
  const lastId = own.value?.view?.status.lastId ?? 0;
  const after = backlogAfter(lastId, state.messages.rows.at(-1)?.id ?? 0);
  if (after !== null) state.addMessages(await readBacklog(after));
}

export function startFeed(): void {
  // With the greeting or the wish for them, and with the first view behind it: of what was committed between the two
  // nobody tells.
  let isOwed = false;
  const owe = (): void => {
    isOwed = true;
    if (showsMessages.peek()) void catchUp();
  };
  state.onMessage((message) => {
    if (message.type === 'hello') return owe();
    if (!isOwed || !showsMessages.peek() || !message.views.some(({ view }) => view.node === facts.value.self)) return;
    isOwed = false;
    void catchUp();
  });
  effect(() => {
    if (showsMessages.value && state.hello.peek() !== null) owe();
  });
  const beat = (): void => {
    state.now.value = Date.now();
  };
  beat();
  setInterval(beat, 500);
  effect(() => feed.want({ ...wish.value, messages: showsMessages.value }));
  const look = (): void => {
    feed.hide(document.hidden);
    if (document.hidden) flush();
  };
  document.addEventListener('visibilitychange', look);
  look();
  addEventListener('online', () => feed.retryNow());
  speakChanges();
  feed.start();
}
