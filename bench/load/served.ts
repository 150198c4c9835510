/** Where a measured server listens: a TCP port of loopback, or a Unix socket. */
export type Listening = { readonly port: number } | { readonly path: string };

/** What a measured server tells its parent. */
export type Told =
  | { readonly type: 'ready'; readonly port?: number; readonly path?: string }
  | { readonly type: 'usage'; readonly cpuUs: number; readonly exported: number; readonly dropped: number };

/** Spans that left, and spans that were lost. */
export interface SpanCount {
  readonly exported: number;
  readonly dropped: number;
}

/**
 * Tells the parent that this process listens, answers its questions about processor time, and ends with it.
 * `spans` counts what left, for servers that trace.
 */
export function served(listening: Listening, spans?: () => Promise<SpanCount>): void {
  const tell = (told: Told) => process.send?.(told);
  process.on('disconnect', () => process.exit(0));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const cpuUs = user + system;
    if (spans === undefined) tell({ type: 'usage', cpuUs, exported: 0, dropped: 0 });
    else void spans().then((count) => tell({ type: 'usage', cpuUs, ...count }));
  });
  tell({ type: 'ready', ...listening });
}

/** The TCP port of an address that a Node server gives. */
export function portOf(address: unknown): number {
  if (typeof address === 'object' && address !== null && 'port' in address) return Number(address.port);
  throw new Error(`a server listens at ${JSON.stringify(address)}, which is no TCP port`);
}
