import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CpuProfile, spentOn } from './profile.ts';

const Profile = suite('bench: profile');

const frame = (functionName: string, url = ''): { functionName: string; url: string } => ({ functionName, url });
const nodes: CpuProfile['nodes'] = [
  { id: 1, callFrame: frame('(root)'), children: [2, 3, 4, 6, 7] },
  { id: 2, callFrame: frame('(idle)') },
  { id: 3, callFrame: frame('(garbage collector)') },
  { id: 4, callFrame: frame('receive', 'file:///here/dist/actors/ingress.js'), children: [5, 8] },
  { id: 5, callFrame: frame('set') },
  { id: 6, callFrame: frame('emit', 'node:events') },
  { id: 7, callFrame: frame('step', 'file:///here/node_modules/xstate/dist/a.js') },
  { id: 8, callFrame: frame('writev') },
];
const ms = 1000;

Profile('says what time was spent on: what has no file on what called it, and nothing on waiting', () => {
  const samples = [2, 3, 4, 5, 6, 7, 8, 2];
  const timeDeltas = [100, 10, 20, 5, 7, 3, 4, 600].map((each) => each * ms);
  assert.equal(
    Object.fromEntries(spentOn({ nodes, samples, timeDeltas }, 10_000)),
    Object.fromEntries(
      Object.entries({
        'garbage collection': 10,
        actors: 25,
        'sockets, streams and queues in node': 7,
        XState: 3,
        'sending: system calls': 4,
      }).map(([what, time]) => [what, time * ms]),
    ),
  );
});

Profile('looks at the load alone: not at what came before, nor at how the node ended', () => {
  const samples = [4, 7, 3, 4];
  const timeDeltas = [5000, 100, 100, 500].map((each) => each * ms);
  assert.equal([...spentOn({ nodes, samples, timeDeltas }, 200).keys()], ['XState', 'garbage collection']);
});

Profile.run();
