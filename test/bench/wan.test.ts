import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { regions } from '../../scripts/wan/regions.ts';
import { floorMs } from './wan.ts';

const Floor = suite('the floor of a commit across oceans');

Floor('is the way to the leader and back, and from there to the nearest other and back', () => {
  const floors = regions.map((leader) => regions.map((client) => floorMs(leader, client)));
  assert.equal(floors, [
    [100, 200, 254],
    [200, 100, 352],
    [308, 406, 154],
  ]);
});

Floor.run();
