/** The overview: figures, charts, messages, and a box to send one. */
import { Cards } from './cards.tsx';

export function OverviewPage() {
  return <Cards />;
}
