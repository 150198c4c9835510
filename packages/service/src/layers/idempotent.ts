import { FairleadError, HEADERS, PROBLEM_CONTENT_TYPE } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import type { Logger } from '@fairlead/telemetry';
import { hashOf } from '../canonical-json.ts';
import { fail } from '../errors.ts';
import { jsonAnswer, type Answer, type Call, type Layer, type Next } from '../exchange.ts';
import { isLastingAnswer, problemAnswer } from '../failure.ts';
import type { Claim, IdempotencyRecords } from '../idempotency-records.ts';

/** The answer header that tells a replay from the first answer. */
const REPLAYED_HEADER = 'idempotency-replayed';

/** What the layer needs. */
export interface IdempotentOptions {
  readonly records: IdempotencyRecords;
  /** Where the records are. */
  readonly database: Database;
  readonly log: Logger;
  /** How long a claim lasts when the call has no deadline, in milliseconds. */
  readonly leaseMs: number;
}

/** Above the deadline, so that work which ends with its deadline has given up before anyone takes over. */
const LEASE_MARGIN_MS = 1_000;

/**
 * An equal request under the same `Idempotency-Key` gets the first one's answer
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/): 409 while that is being worked out,
 * 422 for a different request. Kept are the answer of a handler's success, in its own transaction, and the failures that
 * the operation declares. Everything else gives the key back: no effect has been committed, a repeat may try afresh.
 */
export function idempotent(options: IdempotentOptions): Layer {
  const { records, database, log } = options;
  return async (call, next) => {
    const key = keyOf(call);
    if (key === undefined) return next(call);
    const { ctx, operation } = call;
    const scope = { tenant: ctx.tenant ?? '', subject: ctx.caller.subject ?? '', operation: operation.name, key };
    const leaseMs = ctx.deadline === undefined ? options.leaseMs : ctx.remainingMs() + LEASE_MARGIN_MS;
    const result = await records.claim(ctx, scope, hashOf(call.input), leaseMs);
    switch (result.kind) {
      case 'claimed':
        return answerUnder(result.claim, call, next);
      case 'done':
        return replay(result.status, result.body);
      case 'mismatch':
        throw fail(
          'IDEMPOTENCY_MISMATCH',
          'This Idempotency-Key was used for a different request. Use a new key for a new request.',
        );
      case 'in-flight':
        throw fail(
          'IDEMPOTENCY_IN_FLIGHT',
          'A request with this Idempotency-Key is being worked on. Repeat it in a moment.',
          {
            retryAfterMs: Math.min(result.retryAfterMs, 1_000),
          },
        );
    }
  };

  async function answerUnder(claim: Claim, call: Call, next: Next): Promise<Answer> {
    const { ctx, operation, request } = call;
    call.claim = claim;
    try {
      return await next(call);
    } catch (error) {
      try {
        if (error instanceof FairleadError && isLastingAnswer(error, operation)) {
          const answer = problemAnswer(error, ctx, request.path);
          await records.complete({ query: (text, params) => database.query(ctx, text, params) }, claim, answer);
          return answer;
        }
      } catch (failure) {
        log.warn(ctx, `${operation.name}: its answer could not be kept; a repeat is judged afresh`, { error: failure });
      }
      await records.release(ctx, claim).catch((failure: unknown) => {
        log.warn(
          ctx,
          `${operation.name}: its idempotency key could not be given back; it is free when its lease ends`,
          { error: failure },
        );
      });
      throw error;
    }
  }
}

function keyOf(call: Call): string | undefined {
  const { operation, ctx, request } = call;
  if (operation.idempotencyKey === undefined) return undefined;
  if (ctx.idempotencyKey !== undefined) return ctx.idempotencyKey;
  if (request.headers[HEADERS.idempotencyKey] !== undefined) {
    throw fail(
      'IDEMPOTENCY_KEY_INVALID',
      'The Idempotency-Key must come once and be 1 to 255 visible ASCII characters, such as a UUID.',
    );
  }
  if (operation.idempotencyKey === 'optional') return undefined;
  throw fail(
    'IDEMPOTENCY_KEY_REQUIRED',
    `${operation.name} needs an Idempotency-Key header: send a new UUID, and the same one when you repeat the request.`,
  );
}

function replay(status: number, body: string): Answer {
  const answer = jsonAnswer(status, body);
  const type = status >= 400 ? { 'content-type': PROBLEM_CONTENT_TYPE } : {};
  return { ...answer, headers: { ...answer.headers, ...type, [REPLAYED_HEADER]: 'true' } };
}
