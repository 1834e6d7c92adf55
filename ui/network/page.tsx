/** The network page. */
import { members } from '../live.ts';
import { words } from '../preferences.ts';
import { StandingMark } from '../standing.tsx';

export function NetworkPage() {
  return (
    <section class="panel">
      <h3>{words.value.cluster}</h3>
      <ul>
        {members.value.map(({ node, standing }) => (
          <li key={node}>
            {node} <StandingMark standing={standing} />
          </li>
        ))}
      </ul>
    </section>
  );
}
