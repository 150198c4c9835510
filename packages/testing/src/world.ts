import type { Clock } from '@fairlead/core';
import type { PlannedLoss } from './network.ts';

/** Who calls, and under which key: what the gateway would have learnt from a token. */
export interface CallOptions {
  readonly tenant: string;
  readonly subject: string;
  /** Default none. */
  readonly roles?: readonly string[];
  /** Default none. */
  readonly idempotencyKey?: string;
}

/** What the edge would have sent back. */
export interface CallResult<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; not checked. */
  readonly body: Body;
}

/** The simulated platform, as a scenario sees it: from the edge, and from above. */
export interface World {
  readonly clock: Clock;
  /**
   * Calls an operation as a customer would through the gateway. The way to the service may be cut: then the status is
   * 503, or 504 when the answer takes longer than 10 s, as the gateway would answer.
   */
  call<Body = Record<string, unknown>>(
    service: string,
    operation: string,
    input: Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<CallResult<Body>>;
  /** Waits, in virtual time. */
  sleep(delayMs: number): Promise<void>;
  /** Asks every 50 virtual milliseconds until `ask` gives something. @throws DEADLINE_EXCEEDED after `withinMs` (default 120 000) */
  until<T>(ask: () => Promise<T | undefined>, withinMs?: number): Promise<T>;
  /** Kills a service now, as `kill -9` does, and starts it again after `restartAfterMs` (default 500). */
  crash(service: string, restartAfterMs?: number): void;
  /** Loses the next such part of a call between two services, or a service and an external, once. */
  lose(loss: PlannedLoss): void;
  /** Looks into a service's database from above: not delayed, not part of the trace. */
  look<Row extends Record<string, unknown>>(
    service: string,
    sql: string,
    params?: readonly unknown[],
  ): Promise<readonly Row[]>;
}
