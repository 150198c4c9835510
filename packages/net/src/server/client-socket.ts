import type { Duplex } from 'node:stream';

/** What a connection's requests come over: a socket, or a stream of HTTP/2. */
export interface ClientSocket extends Duplex {
  readonly remoteAddress?: string | undefined;
  /** Whether TLS carries it. */
  readonly encrypted?: boolean;
  /** Whether trailers are always taken, as HTTP/2 does. Default: a request says so. */
  readonly takesTrailers?: boolean;
}
