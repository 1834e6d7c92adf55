/** Loaded into a node before its own code (`node --import`): profiles it from the first moment to its end. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const path = process.env.PROFILE_TO ?? 'node.cpuprofile';
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 250 });
session.post('Profiler.start');
// The answer comes at once: the session is to this very thread.
process.on('exit', () => {
  session.post('Profiler.stop', (error, result) => {
    if (!error) writeFileSync(path, JSON.stringify(result.profile));
  });
});
