import { once } from 'node:events';
import { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WaitingRoom } from '../../transport/waitingRoom.ts';

const Waiting = suite('waiting room');

/** A socket that is connected to nothing and says that it comes from an address. */
function from(address: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  return socket;
}

function aRoom(changes: Partial<ConstructorParameters<typeof WaitingRoom>[0]> = {}): WaitingRoom {
  return new WaitingRoom({ capacity: 4, capacityPerAddress: 3, deadlineMs: 60_000, ...changes });
}

function enter(room: WaitingRoom, ...addresses: readonly string[]): Socket[] {
  return addresses.map((address) => {
    const socket = from(address);
    room.enter(socket);
    return socket;
  });
}

const turnedOut = (sockets: readonly Socket[]): number[] =>
  sockets.flatMap((socket, n) => (socket.destroyed ? [n] : []));

Waiting('turns out the oldest of an address that has too many', () => {
  const room = aRoom();
  const sockets = enter(room, 'a', 'b', 'a', 'a', 'a');
  assert.equal([turnedOut(sockets), room.size, room.displaced], [[0], 4, 1]);
  room.clear();
});

Waiting('turns out the oldest of the most crowded address when it is full, and nobody of another', () => {
  const room = aRoom();
  const sockets = enter(room, 'b', 'a', 'a', 'c', 'd', 'd');
  assert.equal([turnedOut(sockets), room.size], [[0, 1], 4]);
  room.clear();
});

Waiting('forgets who left: it does not count, and the deadline does not touch it', async () => {
  const room = aRoom({ deadlineMs: 20 });
  const [peer, silent] = enter(room, 'a', 'a') as [Socket, Socket];
  room.leave(peer);
  room.leave(peer);
  assert.is(room.size, 1);
  await once(silent, 'close');
  assert.equal([peer.destroyed, room.size, room.expired], [false, 0, 1]);
});

Waiting('forgets who hung up', async () => {
  const room = aRoom();
  const [socket] = enter(room, 'a') as [Socket];
  socket.destroy();
  await once(socket, 'close');
  assert.is(room.size, 0);
});

Waiting('turns everybody out when it is cleared', () => {
  const room = aRoom();
  const sockets = enter(room, 'a', 'b', 'b');
  room.clear();
  assert.equal([turnedOut(sockets), room.size, room.displaced], [[0, 1, 2], 0, 0]);
});

Waiting.run();
