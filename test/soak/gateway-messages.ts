/** What a soak asks its gateway for. */
export type Asked = 'sample' | 'end';

/** What the gateway says. */
export type Told =
  | {
      readonly kind: 'ready';
      readonly url: string;
      /** The same over TLS. */
      readonly tlsUrl: string;
      /** What signs its certificates, in PEM. */
      readonly authority: string;
    }
  | {
      readonly kind: 'sample';
      /** After a collection: heap, and what hangs on it. */
      readonly heapBytes: number;
      readonly rssBytes: number;
      readonly descriptors: number;
      readonly sockets: number;
      readonly timers: number;
      /** Snapshots so far. */
      readonly swaps: number;
    }
  | {
      readonly kind: 'ended';
      readonly drainMs: number;
      /** Whether all that was under way ended by itself, within the grace. */
      readonly isWhole: boolean;
      /** Sockets, servers and timers that are left. */
      readonly resources: readonly string[];
    };
