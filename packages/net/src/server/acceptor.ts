import { createServer, type Server, type Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { onDemand, type Clock } from '@fairlead/core';
import { http2Sessions, type SessionLimits } from '../http2/sessions.ts';
import { readProxyHeader } from '../proxy-protocol/proxy-header.ts';
import type { Certificates } from '../tls/certificates.ts';
import { clientProof } from '../tls/client-certificate.ts';
import type { ClientSocket, Whence } from './client-socket.ts';
import { lendingSocket } from './private-handles.ts';

/** How a server speaks TLS. */
export interface ServerTls {
  readonly certificates: Certificates;
  /**
   * Whether clients show a certificate that the certificates' `clientAuthority` signed: `required` cuts who has none, `requested` says
   * what was shown (`Peer.proof`). Default `none`: nobody is asked for one.
   */
  readonly clients?: 'none' | 'requested' | 'required';
}

/** What connections begin with, before HTTP. */
export interface AcceptorOptions {
  readonly tls: ServerTls | undefined;
  /** Whether each connection begins with the header of the PROXY protocol, before TLS. */
  readonly hasProxyHeader: boolean;
  /** See `ServerOptions`. */
  readonly hasPrivateHandles: boolean;
  /** Whether HTTP/2 is spoken too: by ALPN over TLS, else to who begins with it ("prior knowledge"); `undefined` for no. */
  readonly http2: SessionLimits | undefined;
  /** How long the header, and then the handshake, may take, in milliseconds. 0 means for ever. */
  readonly beginTimeoutMs: number;
  readonly clock: Clock;
}

/** Connections that have begun, at the end of whatever comes before HTTP. */
export interface Acceptor {
  readonly server: Server;
  /** Cuts those that have not begun yet, and tells clients of HTTP/2 to begin nothing more. */
  drain(): void;
  /** Cuts what is left of HTTP/2. */
  cut(): void;
}

/** Takes connections; `onSocket` gets each with what is known of it, if that is more than its socket says. */
export function acceptor(
  options: AcceptorOptions,
  onSocket: (socket: ClientSocket, whence: Whence | undefined) => void,
): Acceptor {
  const { tls, http2, hasProxyHeader, beginTimeoutMs, clock } = options;
  const isLending = options.hasPrivateHandles && tls === undefined && http2 === undefined && !hasProxyHeader;
  const sessions = http2 && http2Sessions(http2, (stream) => onSocket(stream, undefined));
  /** Those that have not begun yet, with what to do when they have. */
  const beginning = new Map<Socket, () => void>();
  const addresses = new WeakMap<Socket, string>();
  const secured = (socket: TLSSocket): void => {
    const raw = rawOf(socket);
    const address = addresses.get(raw);
    beginning.get(raw)?.();
    const proof = asksClients ? clientProof(socket) : undefined;
    if (sessions === undefined || socket.alpnProtocol !== 'h2') return onSocket(socket, { address, proof });
    sessions.begin(socket, { address: address ?? socket.remoteAddress, isTls: true, proof });
  };
  const asksClients = tls !== undefined && tls.clients !== undefined && tls.clients !== 'none';
  const tlsServer = tls && tlsOver(tls, sessions !== undefined, secured);
  const begin = (socket: Socket, address: string | undefined): void => {
    if (tlsServer === undefined) return beginPlain(socket, address);
    if (address !== undefined) addresses.set(socket, address);
    awaited(socket);
    tlsServer.emit('connection', socket);
  };
  /** Cuts who does not say in time what it begins with; to be told when it has. */
  const awaited = (socket: Socket): (() => void) => {
    const late = beginTimeoutMs > 0 ? clock.setTimer(beginTimeoutMs, () => socket.destroy()) : undefined;
    const begun = (): void => {
      late?.cancel();
      beginning.delete(socket);
    };
    beginning.set(socket, begun);
    socket.once('close', begun);
    return begun;
  };
  const beginPlain = (socket: Socket, address: string | undefined): void => {
    const asHttp1 = (): void => {
      onSocket(socket, address === undefined ? undefined : { address, proof: undefined });
      socket.resume();
    };
    if (sessions === undefined) return asHttp1();
    const peer = { address: address ?? socket.remoteAddress, isTls: false, proof: undefined };
    const begun = awaited(socket);
    whenBegun(socket, (first) => {
      begun();
      if (first.subarray(0, PREFACE.length).equals(PREFACE)) sessions.begin(socket, peer);
      else asHttp1();
    });
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: isLending }, (socket) => {
    if (isLending) {
      const lending = lendingSocket(socket);
      if (lending === undefined) socket.destroy();
      else onSocket(lending, undefined);
      return;
    }
    if (!hasProxyHeader) return begin(socket, undefined);
    const begun = awaited(socket);
    readHeader(socket, (address) => {
      begun();
      begin(socket, address);
    });
  });
  return {
    server,
    drain() {
      for (const socket of beginning.keys()) socket.destroy();
      sessions?.drain();
    },
    cut: () => sessions?.destroy(),
  };
}

/** What HTTP/2 begins with, as far as no request of HTTP/1.1 does (RFC 9113, section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0');

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

/** Looks at the first bytes, at least those that tell HTTP/2 from HTTP/1.1, and gives them back. */
function whenBegun(socket: Socket, onFirst: (first: Buffer) => void): void {
  let held = Buffer.alloc(0);
  const failed = (): void => void socket.destroy();
  const arrived = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const looked = Math.min(held.length, PREFACE.length);
    if (looked < PREFACE.length && held.compare(PREFACE, 0, looked, 0, looked) === 0) return;
    socket.off('data', arrived);
    socket.off('error', failed);
    socket.off('end', failed);
    socket.pause();
    socket.unshift(held);
    onFirst(held);
  };
  socket.on('data', arrived);
  socket.on('error', failed);
  // Whoever ends before that asks for nothing.
  socket.on('end', failed);
  socket.resume();
}

/** A server that handshakes on sockets that it is given. */
function tlsOver(tls: ServerTls, hasHttp2: boolean, onSocket: (socket: TLSSocket) => void): TlsServer {
  const { certificates, clients = 'none' } = tls;
  const server = onDemand.tls.createServer({
    allowHalfOpen: true,
    noDelay: true,
    ALPNProtocols: hasHttp2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    // Who names nobody gets the default one, which may change: so everybody is asked for by name.
    SNICallback(name, give) {
      const context = certificates.contextFor(name);
      if (context === undefined) give(new Error('There is no certificate yet.'));
      else give(null, context);
    },
    requestCert: clients !== 'none',
    rejectUnauthorized: clients === 'required',
    ...certificates.defaults(),
  });
  certificates.onReload(() => server.setSecureContext(certificates.defaults()));
  server.on('secureConnection', onSocket);
  // A client that speaks no TLS is cut by the server, one that is slow with it by `awaited`: Node's time for handshakes begins anew with
  // each byte, and only tells.
  server.on('tlsClientError', () => undefined);
  return server;
}

/** The socket that carries a TLS socket. */
function rawOf(socket: TLSSocket): Socket {
  // `as`: Node keeps it there, under a name without a type, for as long as it has had TLS sockets.
  return (socket as unknown as { readonly _parent?: Socket })._parent ?? socket;
}
