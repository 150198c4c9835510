import type { Closeable } from '@fairlead/core';

/** What kind of thing an instance is; it also decides when it is drained (see `DRAIN_ORDER`). */
export type InstanceKind = 'service' | 'external' | 'gateway' | 'control' | 'database';

/**
 * Where an instance is in its life.
 *
 * - `starting`: launched, not yet ready.
 * - `ready`: said that it takes work.
 * - `backoff`: ended unasked; waits for its next start.
 * - `crash-loop`: ended too often too soon; is still started again, at the longest delay.
 * - `stopping`, `stopped`: asked to end.
 */
export type InstanceState = 'starting' | 'ready' | 'backoff' | 'crash-loop' | 'stopping' | 'stopped';

/** How an instance's process ended. */
export interface InstanceExit {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** One sentence for a person. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The last lines that it wrote, oldest first; at most 20. */
  readonly lastLines: readonly string[];
}

/** One instance of the platform as the supervisor sees it. */
export interface InstanceStatus {
  readonly name: string;
  readonly kind: InstanceKind;
  readonly state: InstanceState;
  /** Process id; `undefined` while no process runs. */
  readonly pid: number | undefined;
  /** `http://host:port`, `unix:/path` or, for the database, `postgres:///…` without credentials. */
  readonly url: string | undefined;
  /** Times that it was started again after it ended unasked. */
  readonly restarts: number;
  /** When it came into this state, in milliseconds since the epoch. */
  readonly since: number;
  readonly lastExit: InstanceExit | undefined;
}

/** What happens while a platform runs, told in order. */
export type PlatformEvent =
  | { readonly event: 'stage'; readonly stage: string; readonly durationMs: number }
  | { readonly event: 'state'; readonly instance: InstanceStatus }
  | { readonly event: 'exit'; readonly name: string; readonly exit: InstanceExit }
  | { readonly event: 'log'; readonly name: string; readonly line: string }
  /** Something that a person should know and that nobody's log says. */
  | { readonly event: 'note'; readonly text: string };

/** What both topologies need to know. */
export interface StartOptions {
  /** Where data, logs, secrets and state are kept. Made when missing. */
  readonly dataDir: string;
  /** TCP port of the gateway on 127.0.0.1; 0 takes a free one. Default 8080. */
  readonly gatewayPort?: number;
  /** TCP port of the admin API on 127.0.0.1; 0 takes a free one. Default 8081. */
  readonly adminPort?: number;
  /** A superuser's URL of a server that runs already. Default: an embedded Postgres below `dataDir`. */
  readonly postgresUrl?: string;
  /**
   * Services to run, with everything that they call. Default and empty: all. Databases are set up for all of them, and the
   * gateway answers NOT_STARTED for the others.
   */
  readonly only?: readonly string[];
  /** Environment that services read their configuration from. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gives the start up when it aborts: what was started is ended and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told what happens, in order. Must not throw. */
  readonly onEvent?: (event: PlatformEvent) => void;
}

/** Options of `startProcesses`. */
export interface ProcessesOptions extends StartOptions {
  /** How long a process may take from its launch to its ready message, in milliseconds. Default 20 000. */
  readonly readyTimeoutMs?: number;
  /**
   * Starts processes again when a file that they have loaded changes, and migrates when a service's migrations do. What
   * is done is told as `note`. Default false.
   */
  readonly watch?: boolean;
}

/** Options of `startSingle`. */
export type SingleOptions = StartOptions;

/** A platform that takes requests, whatever its topology. */
export interface RunningPlatform extends Closeable {
  /** `http://127.0.0.1:<port>` of the gateway. */
  readonly gatewayUrl: string;
  /** `http://127.0.0.1:<port>` of the admin API. */
  readonly adminUrl: string;
  /** The admin API's bearer credential; also in `<dataDir>/secrets/admin.token`. */
  readonly adminToken: string;
  /** Where each service and external answers: name to `http://…` or `unix:/…`. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Every instance, in order of name within its kind. */
  status(): readonly InstanceStatus[];
  /** Signs a development token, as `POST /api/tokens` does. */
  token(request: TokenRequest): Promise<string>;
}

/** Who a development token speaks for. */
export interface TokenRequest {
  readonly tenant: string;
  readonly subject: string;
  /** Default none. */
  readonly roles?: readonly string[];
  /** Time to live in seconds, whole, 1 to 30 days. Default 3 600. */
  readonly ttlSeconds?: number;
}
