import { connect } from 'node:net';
import type { DatabaseAddress } from './database-url.ts';

/** What identifies a running backend to the server: told to the client when it connected. */
export interface BackendKey {
  readonly processId: number;
  readonly secretKey: number;
}

/**
 * Asks the server to stop what a backend is doing (PostgreSQL protocol, "Canceling Requests in Progress"). Best effort:
 * resolves when the request was sent or could not be. Only for a connection that is being given up, so that the cancel
 * can never hit a later statement.
 */
export function sendCancelRequest(address: DatabaseAddress, key: BackendKey): Promise<void> {
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(80_877_102, 4);
  packet.writeInt32BE(key.processId, 8);
  packet.writeInt32BE(key.secretKey, 12);
  const socket = address.host.startsWith('/')
    ? connect(`${address.host}/.s.PGSQL.${address.port}`)
    : connect(address.port, address.host);
  return new Promise((resolve) => {
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => socket.write(packet));
    // The server closes when it has acted.
    socket.resume();
  });
}
