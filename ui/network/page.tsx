/** The network: who is there, who leads, how far each has come, how long their ways are; and faults on purpose. */
import { ChaosPanel } from '../chaos/panel.tsx';
import { useWish } from '../live.ts';
import { Graph } from './graph.tsx';
import { HeatMap, NodesTable } from './tables.tsx';
import { words } from './texts.ts';
import { TimelinePanel } from './timelinePanel.tsx';

const everyMs = 200;

export function NetworkPage() {
  useWish({ everyMs });
  return (
    <div class="network">
      <section class="panel" aria-labelledby="graph">
        <div class="panel-head">
          <h3 id="graph">{words.value.clusterPicture}</h3>
        </div>
        <Graph />
      </section>
      <HeatMap />
      <NodesTable />
      <TimelinePanel />
      <ChaosPanel />
    </div>
  );
}
