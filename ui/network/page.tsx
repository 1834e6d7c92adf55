/** The network: who is there, who leads, how far each has come, how long their ways are; and faults on purpose. */
import { ChaosPanel } from '../chaos/panel.tsx';
import { words } from '../preferences.ts';
import { Graph } from './graph.tsx';
import { HeatMap, NodesTable } from './tables.tsx';
import { TimelinePanel } from './timelinePanel.tsx';

export function NetworkPage() {
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
