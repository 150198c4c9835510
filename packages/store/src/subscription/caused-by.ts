import { parseTraceparent, stepKey } from '@fairlead/core';
import type { Tx } from '../database.ts';
import type { LoggedEvent } from '../log/log-types.ts';

/**
 * `tx` as the consequence of one event of a batch: what is appended with it has the event's tenant, trace, correlation and
 * criticality and names the event as its cause. `by` says whose consequence, such as the subscription's name: it makes the
 * Context's idempotency key, the same each time that the event is handled.
 */
export function causedBy(tx: Tx, event: LoggedEvent, by: string): Tx {
  const ctx = tx.ctx.derive({
    trace: parseTraceparent(event.traceparent) ?? tx.ctx.trace,
    tenant: event.tenant,
    criticality: event.criticality,
    correlationId: event.correlationId,
    causationId: event.id,
    idempotencyKey: event.id,
  });
  return {
    ctx: ctx.derive({ idempotencyKey: stepKey(ctx, by) }),
    query: (text, params) => tx.query(text, params),
    afterCommit: (fn) => tx.afterCommit(fn),
    announce: (channel, payload) => tx.announce(channel, payload),
  };
}
