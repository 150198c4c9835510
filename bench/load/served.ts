/** Where a measured server listens: a TCP port of loopback, or a Unix socket. */
export type Listening = { readonly port: number } | { readonly path: string };

/** What a measured server tells its parent. */
export type Told =
  | { readonly type: 'ready'; readonly port?: number; readonly path?: string }
  | ({ readonly type: 'usage'; readonly cpuUs: number } & TelemetryCounts);

/** What became of a server's spans and access lines. */
export interface TelemetryCounts {
  /** Spans that left. */
  readonly exported: number;
  /** Spans that were lost. */
  readonly dropped: number;
  /** Spans of traces that aren't recorded. */
  readonly unsampled: number;
  /** Access lines that aren't written. */
  readonly omitted: number;
}

const NOTHING_TOLD: TelemetryCounts = { exported: 0, dropped: 0, unsampled: 0, omitted: 0 };

/**
 * Tells the parent that this process listens, answers its questions about processor time, and ends with it.
 * `counts` is for servers that trace and write lines.
 */
export function served(listening: Listening, counts?: () => Promise<TelemetryCounts>): void {
  const tell = (told: Told) => process.send?.(told);
  process.on('disconnect', () => process.exit(0));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const cpuUs = user + system;
    if (counts === undefined) tell({ type: 'usage', cpuUs, ...NOTHING_TOLD });
    else void counts().then((counted) => tell({ type: 'usage', cpuUs, ...counted }));
  });
  tell({ type: 'ready', ...listening });
}

/** The TCP port of an address that a Node server gives. */
export function portOf(address: unknown): number {
  if (typeof address === 'object' && address !== null && 'port' in address) return Number(address.port);
  throw new Error(`a server listens at ${JSON.stringify(address)}, which is no TCP port`);
}
