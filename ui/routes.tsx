/** The pages, by what stands behind # in the address; each is loaded when it is first shown. */
import { computed, effect, signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { words } from './preferences.ts';

export const routes = ['overview', 'trace', 'actors', 'network'] as const;
export type Route = (typeof routes)[number];

/** #trace/8002:1043 -> trace, and 8002:1043 for the page itself. */
const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});
export const route = computed<Route>(() => {
  const name = hash.value.slice(1).split('/', 1)[0];
  return routes.find((one) => one === name) ?? 'overview';
});
export const place = computed(() => hash.value.slice(1).split('/').slice(1).join('/'));

type Load = () => Promise<ComponentType>;
const loaders: Readonly<Record<Route, Load>> = {
  overview: async () => (await import('./overview/page.tsx')).OverviewPage,
  trace: async () => (await import('./trace/page.tsx')).TracePage,
  actors: async () => (await import('./actors/page.tsx')).ActorsPage,
  network: async () => (await import('./network/page.tsx')).NetworkPage,
};

type Loaded = { readonly page: ComponentType } | { readonly failed: true };
const loaded = signal<Partial<Record<Route, Loaded>>>({});

async function load(wanted: Route): Promise<void> {
  let result: Loaded;
  try {
    result = { page: await loaders[wanted]() };
  } catch {
    result = { failed: true };
  }
  loaded.value = { ...loaded.value, [wanted]: result };
}

// Asked for before the frame is drawn, not after.
effect(() => {
  const wanted = route.value;
  if (loaded.peek()[wanted] === undefined) void load(wanted);
});

export function CurrentPage() {
  const wanted = route.value;
  const found = loaded.value[wanted];
  const w = words.value;
  if (found === undefined) return <p class="loading">{w.loading}</p>;
  if ('failed' in found) {
    return (
      <p class="loading">
        {w.pageFailed}{' '}
        <button type="button" onClick={() => location.reload()}>
          {w.tryAgain}
        </button>
      </p>
    );
  }
  const Page = found.page;
  return <Page />;
}
