/**
 * A node's client port, for clients outside of its network namespace: runs inside, and is given a socket that listens
 * outside. (A socket stays in the namespace in which it was made.) Ends with the process that started it.
 */
import { connect, type Server } from 'node:net';

process.on('message', (port: number, outside: Server) => {
  outside.on('connection', (client) => {
    const node = connect({ port, host: '127.0.0.1' });
    client.setNoDelay(true);
    node.setNoDelay(true);
    client.pipe(node).pipe(client);
    client.on('error', () => node.destroy());
    client.on('close', () => node.destroy());
    node.on('error', () => client.resetAndDestroy());
    node.on('close', () => client.destroy());
  });
  process.send?.('open');
});
process.on('disconnect', () => process.exit());
