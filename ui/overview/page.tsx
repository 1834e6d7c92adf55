/** The overview: figures, charts, messages, and a box to send one. */
import { Cards } from './cards.tsx';
import { Charts } from './charts.tsx';
import { Messages } from './messages.tsx';
import { Nodes } from './nodes.tsx';
import { SendBox } from './sendBox.tsx';

export function OverviewPage() {
  return (
    <>
      <Cards />
      <Charts />
      <div class="columns">
        <Messages />
        <div class="side">
          <SendBox />
          <Nodes />
        </div>
      </div>
    </>
  );
}
