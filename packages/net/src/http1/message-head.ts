import type { Fields } from './fields.ts';

/** What the heads of requests and responses have in common. */
export interface MessageHead {
  readonly fields: Fields;
  /** The lines that the reader's sieve lets through, each with its CRLF; empty when it has none. */
  readonly kept: string;
  /** The body's length in bytes, or `CHUNKED`, or `UNTIL_CLOSE`. */
  readonly bodyBytes: number;
  /** Whether the sender lets the connection live on after this message. */
  readonly keepsAlive: boolean;
  /** Bytes that the head took. */
  readonly byteLength: number;
}
