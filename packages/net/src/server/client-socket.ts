import type { Duplex } from 'node:stream';
import type { ClientProof } from '../tls/client-certificate.ts';

/** What a connection's requests come over: a socket, or a stream of HTTP/2. */
export interface ClientSocket extends Duplex {
  readonly remoteAddress?: string | undefined;
  /** Whether TLS carries it. */
  readonly encrypted?: boolean;
  /** What the client has shown of itself; of a socket, `Whence` has it. */
  readonly proof?: ClientProof | undefined;
  /** Whether trailers are always taken, as HTTP/2 does. Default: a request says so. */
  readonly takesTrailers?: boolean;
  /** Whether what `data` brings is in memory that is used again as soon as its listeners have returned. Default: it lasts. */
  lendsData?: boolean;
}

/** What is known of a connection besides its socket. */
export interface Whence {
  /** The client's, when that is not the socket's own. */
  readonly address: string | undefined;
  /** What the client has shown of itself. */
  readonly proof: ClientProof | undefined;
}
