import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import type { Clock } from '@fairlead/core';
import { readProxyHeader } from '../proxy-protocol/proxy-header.ts';
import type { Certificates } from '../tls/certificates.ts';

/** How a server speaks TLS. */
export interface ServerTls {
  readonly certificates: Certificates;
  /**
   * Whether clients show a certificate that the certificates' `clientAuthority` signed: `required` cuts who has none. Default
   * `none`: nobody is asked for one.
   */
  readonly clients?: 'none' | 'requested' | 'required';
}

/** What connections begin with, before HTTP. */
export interface AcceptorOptions {
  readonly tls: ServerTls | undefined;
  /** Whether each connection begins with the header of the PROXY protocol, before TLS. */
  readonly hasProxyHeader: boolean;
  /** How long the header, and then the handshake, may take, in milliseconds. 0 means for ever. */
  readonly beginTimeoutMs: number;
  readonly clock: Clock;
}

/** Connections that have begun, at the end of whatever comes before HTTP. */
export interface Acceptor {
  readonly server: Server;
  /** Cuts those that have not begun yet. */
  cut(): void;
}

/** Takes connections; `onSocket` gets each with the client's address, when that is not the socket's own. */
export function acceptor(
  options: AcceptorOptions,
  onSocket: (socket: Socket, address: string | undefined) => void,
): Acceptor {
  const { tls, hasProxyHeader, beginTimeoutMs, clock } = options;
  const beginning = new Set<Socket>();
  const addresses = new WeakMap<Socket, string>();
  const tlsServer = tls && tlsOver(tls, beginTimeoutMs, (socket) => onSocket(socket, addresses.get(rawOf(socket))));
  const begin = (socket: Socket, address: string | undefined): void => {
    if (tlsServer === undefined) {
      onSocket(socket, address);
      socket.resume();
      return;
    }
    if (address !== undefined) addresses.set(socket, address);
    beginning.add(socket);
    socket.once('close', () => beginning.delete(socket));
    tlsServer.emit('connection', socket);
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (!hasProxyHeader) return begin(socket, undefined);
    beginning.add(socket);
    socket.once('close', () => beginning.delete(socket));
    const late = beginTimeoutMs > 0 ? clock.setTimer(beginTimeoutMs, () => socket.destroy()) : undefined;
    readHeader(socket, (address) => {
      late?.cancel();
      beginning.delete(socket);
      begin(socket, address);
    });
    socket.once('close', () => late?.cancel());
  });
  return {
    server,
    cut() {
      for (const socket of beginning) socket.destroy();
    },
  };
}

/** Reads the header and gives back what came behind it; a connection without one is cut, as nobody knows who it is. */
function readHeader(socket: Socket, onHeader: (address: string | undefined) => void): void {
  let held = Buffer.alloc(0);
  const stop = (): void => {
    socket.off('data', arrived);
    socket.off('error', failed);
  };
  const failed = (): void => void socket.destroy();
  const arrived = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    try {
      const header = readProxyHeader(held);
      if (header === undefined) return;
      stop();
      socket.pause();
      if (held.length > header.byteLength) socket.unshift(held.subarray(header.byteLength));
      onHeader(header.source?.address);
    } catch {
      socket.destroy();
    }
  };
  socket.on('data', arrived);
  socket.on('error', failed);
}

/** A server that handshakes on sockets that it is given. */
function tlsOver(tls: ServerTls, handshakeTimeoutMs: number, onSocket: (socket: TLSSocket) => void): TlsServer {
  const { certificates, clients = 'none' } = tls;
  const server = createTlsServer({
    allowHalfOpen: true,
    noDelay: true,
    ALPNProtocols: ['http/1.1'],
    // Who names nobody gets the default one, which may change: so everybody is asked for by name.
    SNICallback: (name, give) => give(null, certificates.contextFor(name)),
    requestCert: clients !== 'none',
    rejectUnauthorized: clients === 'required',
    ...certificates.defaults(),
    ...(handshakeTimeoutMs > 0 ? { handshakeTimeout: handshakeTimeoutMs } : {}),
  });
  certificates.onReload(() => server.setSecureContext(certificates.defaults()));
  server.on('secureConnection', onSocket);
  // A client that doesn't come to an understanding is cut by the server; there is nobody to be told.
  server.on('tlsClientError', () => undefined);
  return server;
}

/** The socket that carries a TLS socket. */
function rawOf(socket: TLSSocket): Socket {
  // `as`: Node keeps it there, under a name without a type, for as long as it has had TLS sockets.
  return (socket as unknown as { readonly _parent?: Socket })._parent ?? socket;
}
