/** The number of a node; where its address is known, the way to the same page of its own dashboard. */
import type { NodeId } from '../actors/protocol/epoch.ts';
import { state } from './live.ts';
import { words } from './preferences.ts';
import { route } from './routes.tsx';

export function NodeName({ node }: { readonly node: NodeId }) {
  const { node: self, nodeUrls } = state.hello.value ?? {};
  const url = nodeUrls?.[node];
  if (node === self || url === undefined) return <>{node}</>;
  return (
    <a href={`${url}/dashboard#${route.value}`} aria-label={words.value.dashboardOf(node)}>
      {node}
    </a>
  );
}
