/** Ports of this machine for tests. */
import { createSocket } from 'node:dgram';
import { isFree } from '../../scripts/clusterPorts.ts';

/** Below the range that outgoing connections take their ports from: a node that restarts finds its port free. */
const portRange = { min: 12_000, max: 31_000 };

/**
 * False when another test has this port, or has had it in this process. A test that runs beside this one must not take the
 * port of a node that is down just now: so the UDP port of the same number is held, which nobody else uses, and which the
 * kernel gives back when this process ends.
 */
export const holdPort = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const holder = createSocket('udp4');
    holder.on('error', () => resolve(false));
    holder.bind({ port, address: '127.0.0.1' }, () => {
      holder.unref();
      resolve(isFree(port));
    });
  });

export async function freePort(): Promise<number> {
  for (;;) {
    const port = portRange.min + Math.floor(Math.random() * (portRange.max - portRange.min));
    if (await holdPort(port)) return port;
  }
}
