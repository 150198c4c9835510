import { hash } from 'node:crypto';
import type { Context } from './context.ts';

/**
 * The idempotency key for something that this work calls: the same whenever the caller repeats the work with its key,
 * different for every operation and step. 43 characters of base64url (SHA-256); tells nothing of the caller's key.
 *
 * A key is only unique within its tenant and subject, so both are part of the derivation: two callers that happen to
 * use the same key don't meet at a provider that knows neither.
 *
 * @param operation what is called, such as `payments.charge`. If one caller's key can reach several operations of this
 *   service, name the one at work too: `placeOrder/payments.charge`.
 * @param step tells several calls of one operation apart: a name, or the ordinal of the call. It must come out the same
 *   when the work is repeated.
 * @returns `undefined` when the caller gave no key: nothing promises that a repeat would be recognised
 */
export function stepKey(ctx: Context, operation: string, step?: string | number): string | undefined {
  if (ctx.idempotencyKey === undefined) return undefined;
  const facts = [ctx.tenant ?? null, ctx.caller.subject ?? null, ctx.idempotencyKey, operation, step ?? null];
  return hash('sha256', JSON.stringify(facts), 'base64url');
}
