import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { checkPrivateHandles, lendingSocket } from './private-handles.ts';
import { readBuffer } from '../wire/read-buffer.ts';

/** A connection that was accepted and not read, from both ends. */
async function accepted() {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // `as`: the address of a TCP server that listens.
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  // `as`: what the event brings.
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return { server, client, socket };
}

test('this Node has the handles that private ones stand on', async () => {
  await expect(checkPrivateHandles()).resolves.toBeUndefined();
});

test('what has come is lent, as long as it is lent', async () => {
  const { client, socket } = await accepted();
  const lending = lendingSocket(socket);
  client.write('one');
  const [lent] = await once(lending ?? socket, 'data');
  expect(lent.toString()).toBe('one');
  expect(lent.buffer).toBe(readBuffer().buffer);
  if (lending !== undefined) lending.lendsData = false;
  client.write('two');
  const [own] = await once(lending ?? socket, 'data');
  client.write('six');
  await once(lending ?? socket, 'data');
  expect(own.toString()).toBe('two');
  lending?.destroy();
});

test('a server counts it until it is closed, and not the socket that it was', async () => {
  const { server, socket } = await accepted();
  const lending = lendingSocket(socket);
  const counted = () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  expect(socket.remoteAddress).toBeUndefined();
  expect(lending).toMatchObject({ remoteAddress: '127.0.0.1' });
  expect(await counted()).toBe(1);
  lending?.destroy();
  await once(lending ?? socket, 'close');
  expect(await counted()).toBe(0);
});

test('a socket without a handle of the kind is left as it is', () => {
  const socket = new Socket();
  expect(lendingSocket(socket)).toBeUndefined();
  expect(lendingSocket(Object.assign(new Socket(), { _handle: { readStart: () => 0 } }))).toBeUndefined();
});
