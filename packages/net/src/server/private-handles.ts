import { connect, createServer, Socket, type AddressInfo, type Server, type SocketConstructorOpts } from 'node:net';
import { fail } from '../errors.ts';
import type { ClientSocket } from './client-socket.ts';
import { readBuffer } from '../wire/read-buffer.ts';

/**
 * What Node keeps of an accepted socket under names that it promises nobody: the handle that the system's socket is behind, and the server
 * that counts it. A `net.Socket` takes such a handle by an option that is as private.
 */
interface Accepted {
  _handle?: { readonly useUserBuffer?: unknown } | null;
  _server?: Server | null;
}

/**
 * A socket over the handle of one that was just accepted and has not been read (`pauseOnConnect`), which is nothing any more then. It reads into
 * a buffer that all share, where Node gives those that it accepts new memory each time and takes what has come through a stream:
 * `data` brings what is overwritten by the next read. `undefined` when the handle isn't there, or not what it should be.
 */
export function lendingSocket(socket: Socket, buffer = readBuffer()): ClientSocket | undefined {
  // `as`: see `Accepted`; whatever it stands on is looked at.
  const accepted = socket as unknown as Accepted;
  const { _handle: handle, _server: server } = accepted;
  if (typeof handle?.useUserBuffer !== 'function' || !server) return undefined;
  const reading = {
    buffer,
    callback: (bytes: number): boolean => {
      const data = buffer.subarray(0, bytes);
      lending.emit('data', lending.lendsData === true ? data : Buffer.from(data));
      return true;
    },
  };
  // `as`: the types know of other handles only.
  const options = { handle, allowHalfOpen: true, onread: reading } as unknown as SocketConstructorOpts;
  const lending: Socket & ClientSocket = new Socket(options);
  lending.lendsData = true;
  accepted._handle = null;
  accepted._server = null;
  // `as`: see `Accepted`.
  (lending as unknown as Accepted)._server = server;
  return lending;
}

let proof: Promise<boolean> | undefined;

/**
 * Has one connection with itself, once a process, to see that private handles are here what they are taken for.
 * @throws MISCONFIGURED when they aren't
 */
export async function checkPrivateHandles(): Promise<void> {
  proof ??= proven();
  if (await proof) return;
  throw fail(
    'MISCONFIGURED',
    `The handles of this Node, ${process.version}, are not those that private handles stand on (Node 24 has them). Leave the option out: all else is the same.`,
  );
}

/** Whether bytes come into a buffer that was given, and whether the server knows of the end. */
async function proven(): Promise<boolean> {
  const buffer = Buffer.allocUnsafeSlow(PROOF.length);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const ended = Promise.withResolvers<boolean>();
  server.on('error', () => ended.resolve(false));
  server.on('connection', (socket) => {
    const lending = lendingSocket(socket, buffer);
    if (lending?.remoteAddress === undefined) {
      socket.destroy();
      return ended.resolve(false);
    }
    let isRead = false;
    lending.on('data', (bytes: Buffer) => (isRead = bytes.buffer === buffer.buffer && bytes.toString() === PROOF));
    lending.on('end', () => lending.destroy());
    lending.on('error', () => ended.resolve(false));
    lending.on('close', () => server.getConnections((_error, count) => ended.resolve(isRead && count === 0)));
  });
  // Exclusively: processes of one gateway would get each other's connections.
  server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () => {
    // `as`: the address of a TCP server that listens.
    const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    client.on('error', () => ended.resolve(false));
    client.end(PROOF);
    // Whoever says nothing at the other end is read to its end all the same.
    client.resume();
  });
  const isProven = await ended.promise;
  server.close();
  return isProven;
}

const PROOF = 'proof';
