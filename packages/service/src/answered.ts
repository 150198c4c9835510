import type { Context } from '@fairlead/core';
import type { AccessLineGate, Span, Telemetry } from '@fairlead/telemetry';

/** What all answers of an operation or a raw route have in common. */
export interface Answering {
  /** Its name in metrics and lines. */
  readonly operation: string;
  /** Its path as the contract has it, without values. */
  readonly path: string;
  readonly lines: AccessLineGate;
}

/** An answer as it is told of. */
export interface Answered {
  readonly method: string;
  readonly status: number;
  /** The failure's code, when it is one. */
  readonly code: string | undefined;
  /** The same within a known set, or `ok`. */
  readonly outcome: string;
}

/** Tells of an answer to a request that began at `beganMs` (monotonic), now that it is there. */
export type Tell = (ctx: Context, span: Span, beganMs: number, answering: Answering, answered: Answered) => void;

/**
 * Span, metric and access line of each answer, with one duration. Failures are told of whole. Of what went well, metrics count all,
 * and lines are written as `Telemetry.accessLines` lets them; `omitted` then says how many have been left out before one.
 */
export function answers({ metrics, log }: Telemetry): Tell {
  const red = metrics.red({ kind: 'server' });
  return (ctx, span, beganMs, { operation, path, lines }, { method, status, code, outcome }) => {
    const endedMs = ctx.clock.monotonic();
    const durationMs = endedMs - beganMs;
    if (status >= 500) span.fail(code ?? String(status));
    else if (code !== undefined) span.set('error.type', code);
    span.set('http.response.status_code', status);
    span.end(endedMs);
    red.observe({ labels: { operation }, outcome, durationMs });
    const omitted = status < 400 ? lines.pass(endedMs) : 0;
    if (omitted === undefined) return;
    const { service: caller, subject } = ctx.caller;
    log.info(ctx, `${method} ${path} ${status}`, {
      operation,
      method,
      status,
      code,
      durationMs: Math.round(durationMs * 10) / 10,
      caller,
      subject,
      omitted: omitted === 0 ? undefined : omitted,
    });
  };
}
