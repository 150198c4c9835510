import type { Context, FairleadError } from '@fairlead/core';
import type { Tx } from '../database.ts';
import { fail } from '../errors.ts';
import type { HolderLife } from './holder-life.ts';
import type { Lease } from './lease-types.ts';

const GUARD = 'select 1 from fairlead_lease where name = $1 and token = $2::text::bigint and holder = $3 for share';

/** What a lease asks of those it belongs to. */
export interface LeaseOwner {
  /** Frees it in the database. */
  free(ctx: Context, lease: HeldLease): Promise<void>;
  /** Told that the database refused its token. */
  refused(lease: HeldLease): void;
}

/** A lease while, and after, this process holds it. */
export class HeldLease implements Lease {
  readonly name: string;
  readonly token: bigint;
  /** Names the attempt that got it: only that one is undone by releasing. */
  readonly acquisition: string;
  readonly life: HolderLife;
  readonly #owner: LeaseOwner;
  readonly #end = new AbortController();
  #releasing: Promise<void> | undefined;

  constructor(
    from: { readonly name: string; readonly token: bigint; readonly acquisition: string; readonly life: HolderLife },
    owner: LeaseOwner,
  ) {
    this.name = from.name;
    this.token = from.token;
    this.acquisition = from.acquisition;
    this.life = from.life;
    this.#owner = owner;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  remainingMs(): number {
    return this.signal.aborted ? 0 : this.life.remainingMs();
  }

  async guard(tx: Tx): Promise<void> {
    this.life.alive();
    if (this.signal.aborted) throw this.#lost('it has ended here', this.signal.reason);
    const { rowCount } = await tx.query(GUARD, [this.name, this.token.toString(), this.life.id]);
    if (rowCount === 1) return;
    const error = this.#lost('another holder has it, or had it');
    this.end(error);
    this.#owner.refused(this);
    throw error;
  }

  release(ctx: Context): Promise<void> {
    this.end(this.#lost('it was released'));
    this.#releasing ??= this.#owner.free(ctx, this);
    return this.#releasing;
  }

  /** Aborts the signal. Idempotent. */
  end(reason: FairleadError): void {
    this.#end.abort(reason);
  }

  #lost(why: string, cause?: unknown): FairleadError {
    return fail(
      'LEASE_LOST',
      `The lease "${this.name}" with token ${this.token} is no longer ours: ${why}. Roll back, and acquire it again to go on.`,
      { cause, details: { lease: this.name, token: this.token.toString() } },
    );
  }
}
