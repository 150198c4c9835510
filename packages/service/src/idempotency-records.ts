import type { Clock, Context, Random } from '@fairlead/core';
import { createContext, uuidV7 } from '@fairlead/core';
import { acrossTenants, type Database, type Sql } from '@fairlead/store';
import { fail } from './errors.ts';

/** What an idempotency key belongs to. A key means nothing outside of it. */
export interface KeyScope {
  /** The tenant of the call's Context, so of its transactions; empty for none. */
  readonly tenant: string;
  readonly subject: string;
  readonly operation: string;
  readonly key: string;
}

/** The right to answer a key: lost when another one takes over, which every write checks. */
export interface Claim {
  readonly scope: KeyScope;
  /** Fencing token: a write under an older one changes nothing and fails. */
  readonly token: string;
}

/** What is kept of an answer. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

/** What claiming a key came to. */
export type ClaimResult =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  /** Somebody is working on it. */
  | { readonly kind: 'in-flight'; readonly retryAfterMs: number }
  /** The key was used for another request. */
  | { readonly kind: 'mismatch' }
  /** It has been answered. */
  | { readonly kind: 'done'; readonly status: number; readonly body: string };

/** How records are kept. */
export interface IdempotencyOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of this instance, the same after a restart. */
  readonly instance: string;
  /** How long an answer is kept, in milliseconds. */
  readonly retentionMs: number;
}

/**
 * Answers by idempotency key, in the table `fairlead_idempotency` of the service's own database.
 *
 * A claim commits before the work starts, so that two equal requests never both work; the answer commits with the
 * work. In between, a crash leaves a claim behind: the next start of the same instance takes it over at once, others
 * when its lease ends. Whoever was overtaken can't commit any more (its token is old), so the work is effective once.
 */
export interface IdempotencyRecords {
  /**
   * Claims a key for `leaseMs`, in a transaction of its own.
   * @throws DATABASE_UNAVAILABLE, or the signal's reason when `ctx` ends first
   */
  claim(ctx: Context, scope: KeyScope, requestHash: string, leaseMs: number): Promise<ClaimResult>;
  /**
   * Stores the answer; durable when `sql`'s transaction is.
   * @throws IDEMPOTENCY_IN_FLIGHT when another has taken over the claim: the transaction must roll back
   */
  complete(sql: Sql, claim: Claim, answer: KeptAnswer): Promise<void>;
  /**
   * Gives a claim back, so that a repeat may work on it at once; nothing if it is answered or taken over. Under a
   * Context of its own, for the one of the work may have ended.
   * @throws DATABASE_UNAVAILABLE, DEADLINE_EXCEEDED; the claim then ends with its lease
   */
  release(ctx: Context, claim: Claim): Promise<void>;
  /** Deletes at most `limit` records whose retention has ended; resolves to how many. */
  cleanUp(ctx: Context, limit: number): Promise<number>;
}

const RELEASE_TIMEOUT_MS = 5_000;
/** A record that goes away between two statements is claimed again; more often than this it is not chance. */
const MAX_CLAIM_ROUNDS = 5;

const CLAIM = `
  insert into fairlead_idempotency as r
         (tenant, subject, operation, key, request_hash, state, token, holder, boot, locked_until, created_at, expires_at)
  values ($1, $2, $3, $4, $5, 'claimed', $6, $7, $8,
          fairlead.now() + $9 * interval '1 millisecond', fairlead.now(), fairlead.now() + $10 * interval '1 millisecond')
  on conflict (tenant, subject, operation, key) do update
     set request_hash = excluded.request_hash, state = 'claimed', token = excluded.token, holder = excluded.holder,
         boot = excluded.boot, locked_until = excluded.locked_until, created_at = excluded.created_at,
         expires_at = excluded.expires_at, status = null, body = null
   where (r.state = 'done' and r.expires_at <= fairlead.now())
      or (r.state = 'claimed'
          and (r.request_hash = excluded.request_hash or r.expires_at <= fairlead.now())
          and (r.locked_until <= fairlead.now() or (r.holder = excluded.holder and r.boot <> excluded.boot)))
  returning token`;

const LOOK = `
  select state, request_hash, status, body,
         greatest(0, extract(epoch from locked_until - fairlead.now()) * 1000)::float8 as lease_left_ms
    from fairlead_idempotency
   where tenant = $1 and subject = $2 and operation = $3 and key = $4`;

const COMPLETE = `
  update fairlead_idempotency
     set state = 'done', status = $6, body = $7, expires_at = fairlead.now() + $8 * interval '1 millisecond'
   where tenant = $1 and subject = $2 and operation = $3 and key = $4 and token = $5 and state = 'claimed'`;

const RELEASE = `
  delete from fairlead_idempotency
   where tenant = $1 and subject = $2 and operation = $3 and key = $4 and token = $5 and state = 'claimed'`;

const CLEAN_UP = `
  delete from fairlead_idempotency
   where ctid in (select ctid from fairlead_idempotency
                   where expires_at <= fairlead.now() and (state = 'done' or locked_until <= fairlead.now())
                   order by expires_at limit $1
                     for update skip locked)`;

interface LookRow extends Record<string, unknown> {
  readonly state: 'claimed' | 'done';
  readonly request_hash: string;
  readonly status: number | null;
  readonly body: string | null;
  readonly lease_left_ms: number;
}

/** Records in a database. Each call of this function is a new boot of its instance. */
export function idempotencyRecords(options: IdempotencyOptions): IdempotencyRecords {
  const { database, instance, retentionMs } = options;
  const boot = uuidV7(options);

  async function release(ctx: Context, claim: Claim): Promise<void> {
    using own = createContext({
      clock: options.clock,
      random: options.random,
      timeoutMs: RELEASE_TIMEOUT_MS,
      trace: ctx.trace,
      requestId: ctx.requestId,
      tenant: ctx.tenant,
    });
    // A transaction that may still commit holds the row's lock: this waits for it, then finds the record done.
    await database.query(own, RELEASE, [...place(claim.scope), claim.token]);
  }

  async function claimUnder(
    token: string,
    ctx: Context,
    scope: KeyScope,
    requestHash: string,
    leaseMs: number,
  ): Promise<ClaimResult> {
    for (let round = 0; round < MAX_CLAIM_ROUNDS; round++) {
      const params = [...place(scope), requestHash, token, instance, boot, leaseMs, retentionMs];
      const claimed = await database.query(ctx, CLAIM, params);
      if (claimed.rows.length > 0) return { kind: 'claimed', claim: { scope, token } };
      const { rows } = await database.query<LookRow>(ctx, LOOK, place(scope));
      const [found] = rows;
      if (found === undefined) continue;
      if (found.request_hash !== requestHash) return { kind: 'mismatch' };
      if (found.state === 'claimed') return { kind: 'in-flight', retryAfterMs: Math.ceil(found.lease_left_ms) };
      return { kind: 'done', status: found.status ?? 500, body: found.body ?? '' };
    }
    return { kind: 'in-flight', retryAfterMs: 0 };
  }

  return {
    async claim(ctx, scope, requestHash, leaseMs) {
      const token = uuidV7(options);
      try {
        return await claimUnder(token, ctx, scope, requestHash, leaseMs);
      } catch (error) {
        // The claim may have been made although its answer never came.
        await release(ctx, { scope, token }).catch(() => {});
        throw error;
      }
    },

    async complete(sql, claim, answer) {
      const params = [...place(claim.scope), claim.token, answer.status, answer.body, retentionMs];
      const { rowCount } = await sql.query(COMPLETE, params);
      if (rowCount === 1) return;
      throw fail(
        'IDEMPOTENCY_IN_FLIGHT',
        'This took longer than its claim on the Idempotency-Key, and another request took over. Repeat it.',
        {
          retryAfterMs: 0,
        },
      );
    },

    release,

    async cleanUp(ctx, limit) {
      const { rowCount } = await acrossTenants(database).query(ctx, CLEAN_UP, [limit]);
      return rowCount;
    },
  };
}

function place(scope: KeyScope): [string, string, string, string] {
  return [scope.tenant, scope.subject, scope.operation, scope.key];
}
