/** Gives the modules below actors/ the bug that BUG names in place of the module that it replaces; everybody else the real one. */
import { seededBugs } from './table.ts';

interface Resolved {
  readonly url: string;
  readonly shortCircuit?: boolean;
}
interface Context {
  readonly parentURL?: string | undefined;
}

const actors = new URL('../../../actors/', import.meta.url).href;
const places = new Map<string, string>();
const bug = seededBugs.find(({ name }) => name === process.env.BUG);
if (bug) {
  places.set(`${actors}${bug.replaces}.js`, new URL(`./${bug.name}.js`, import.meta.url).href);
  for (const other of bug.alsoReplaces ?? []) {
    const name = `${bug.name}.${other.split('/').at(-1)}.js`;
    places.set(`${actors}${other}.js`, new URL(`./${name}`, import.meta.url).href);
  }
}

/** Fits both kinds of hooks: it hands on what the next one gives, be that a promise or not. */
export function resolve<Next>(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Next,
): Next | Resolved {
  const { parentURL } = context;
  if (parentURL?.startsWith(actors) && specifier.startsWith('.')) {
    const url = places.get(new URL(specifier, parentURL).href);
    if (url) return { url, shortCircuit: true };
  }
  return next(specifier, context);
}
