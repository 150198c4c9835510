import { uuidV7, type Context, type FairleadError, type Timer } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { ResolvedLeasesOptions } from './lease-options.ts';

/** Holders that lapsed longer ago than this are swept: nobody wanted what they held. */
const SWEEP = `delete from fairlead_lease_holder where id in (
  select id from fairlead_lease_holder where expires_at < fairlead.now() - interval '1 day' for update skip locked)`;

const REGISTER = `with swept as (${SWEEP})
  insert into fairlead_lease_holder (id, name, expires_at, groups)
  values ($1, $2, fairlead.now() + $3::double precision * interval '1 millisecond', $4)`;

const RENEW = `update fairlead_lease_holder
  set expires_at = fairlead.now() + $2::double precision * interval '1 millisecond', groups = $3 where id = $1`;

const END = 'delete from fairlead_lease_holder where id = $1';

/** What a life tells. */
export interface LifeEvents {
  /** Called after each renewal. */
  readonly onRenewed: () => void;
  /** Called once, when the life is over and every lease of it with it. */
  readonly onEnd: (reason: FairleadError) => void;
}

/**
 * One row of `fairlead_lease_holder`, from its registration until it was not renewed in time or was deleted. All leases
 * of a process hang on it: one statement renews them. What is over does not come back: the next life has another id.
 *
 * The deadline is counted on the monotonic clock, from before a renewal is sent. The database counts from when it runs the
 * statement, which is later, so while both clocks run at the same rate the right ends here first, also when the
 * answer is late or lost.
 */
export class HolderLife {
  readonly id: string;
  readonly #options: ResolvedLeasesOptions;
  readonly #background: Context;
  readonly #groups: ReadonlySet<string>;
  readonly #events: LifeEvents;
  #deadlineMs = 0;
  #expiry: Timer | undefined;
  #next: Timer | undefined;
  readonly #over = new AbortController();
  #ended = false;

  constructor(options: ResolvedLeasesOptions, background: Context, groups: ReadonlySet<string>, events: LifeEvents) {
    this.id = uuidV7(options);
    this.#options = options;
    this.#background = background;
    this.#groups = groups;
    this.#events = events;
  }

  /** Writes the row and begins to renew it. */
  async begin(): Promise<void> {
    const { clock, database, holder, ttlMs } = this.#options;
    const sentMs = clock.monotonic();
    using ctx = this.#background.withTimeout(ttlMs);
    await database.query(ctx, REGISTER, [this.id, holder, ttlMs, [...this.#groups]]);
    this.#extend(sentMs);
    this.#planRenewal(sentMs);
  }

  /** Aborts when it is over here. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Milliseconds until the right ends without a renewal; 0 once it has. */
  remainingMs(): number {
    return this.#ended ? 0 : Math.max(0, this.#deadlineMs - this.#options.clock.monotonic());
  }

  /** Whether it lasts. Ends it when its time is over but no timer has run yet, as after a pause of the process. */
  alive(): boolean {
    if (this.#ended) return false;
    if (this.remainingMs() > 0) return true;
    const { holder, ttlMs } = this.#options;
    this.end(`the leases of ${holder} were not renewed within ${ttlMs} ms: the database or this process stood still`);
    return false;
  }

  /** Ends it here; the row stays and lapses. Idempotent. */
  end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#expiry?.cancel();
    this.#next?.cancel();
    const reason = fail('LEASE_LOST', `${capital(why)}. Stop what was done under them; acquire again to go on.`);
    this.#events.onEnd(reason);
    this.#over.abort(reason);
  }

  /** Deletes the row: its leases are free at once. */
  async delete(ctx: Context): Promise<void> {
    await this.#options.database.query(ctx, END, [this.id]);
  }

  #extend(sentMs: number): void {
    const { clock, ttlMs } = this.#options;
    this.#deadlineMs = sentMs + ttlMs;
    this.#expiry?.cancel();
    this.#expiry = clock.setTimer(this.remainingMs(), () => void this.alive());
  }

  #planRenewal(sentMs: number): void {
    const { clock, renewEveryMs } = this.#options;
    const delayMs = Math.max(0, sentMs + renewEveryMs - clock.monotonic());
    this.#next = clock.setTimer(delayMs, () => void this.#renew());
  }

  /** Never rejects: what fails is tried again until the deadline. */
  async #renew(): Promise<void> {
    if (!this.alive()) return;
    const { clock, database, holder, renewEveryMs, telemetry, ttlMs } = this.#options;
    const sentMs = clock.monotonic();
    // An answer that was lost must not use up the time in which a second attempt would get one.
    using ctx = this.#background.withTimeout(renewEveryMs);
    try {
      const { rowCount } = await database.query(ctx, RENEW, [this.id, ttlMs, [...this.#groups]]);
      // An answer after the deadline renews nothing: the signals have aborted, or are about to.
      if (!this.alive()) return;
      if (rowCount === 0) {
        this.end(`the leases of ${holder} were taken over: by the database's clock they had lapsed`);
        return;
      }
      this.#extend(sentMs);
      this.#events.onRenewed();
    } catch (error) {
      if (!this.alive()) return;
      telemetry.log.warn(ctx, `${database.name}: the leases of ${holder} could not be renewed; trying again`, {
        error,
      });
    }
    this.#planRenewal(sentMs);
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
