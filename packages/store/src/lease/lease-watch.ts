import type { Context, Timer } from '@fairlead/core';
import type { ResolvedLeasesOptions } from './lease-options.ts';

const LOOK = `select n.name as free, null as group_name, null as member from unnest($1::text[]) as n (name)
   where not exists (select from fairlead_lease l join fairlead_lease_holder h on h.id = l.holder
                      where l.name = n.name and h.expires_at > fairlead.now())
  union all
  select null, g.name, h.id from unnest($2::text[]) as g (name)
    join fairlead_lease_holder h on g.name = any(h.groups) where h.expires_at > fairlead.now()`;

type Seen = { readonly free: string | null; readonly group_name: string | null; readonly member: string | null };

/**
 * Looks at what others hold: one statement each `renewEveryMs` for all that this process waits for, none while it
 * waits for nothing.
 */
export class LeaseWatch {
  readonly #options: ResolvedLeasesOptions;
  readonly #background: Context;
  readonly #waiting = new Map<string, () => void>();
  readonly #groups = new Map<string, (members: readonly string[]) => void>();
  /** Run before a look when there are groups: this process has to be seen in them. */
  readonly #appear: () => Promise<unknown>;
  #timer: Timer | undefined;
  #looking = false;

  constructor(options: ResolvedLeasesOptions, background: Context, appear: () => Promise<unknown>) {
    this.#options = options;
    this.#background = background;
    this.#appear = appear;
  }

  /** Resolves when the lease looks free. One waiter a name. Rejects with the Context's reason when that ends. */
  async free(ctx: Context, name: string): Promise<void> {
    ctx.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = ctx.onEnd((reason) => {
        this.#waiting.delete(name);
        this.#rest();
        reject(reason);
      });
      this.#waiting.set(name, () => {
        stop();
        resolve();
      });
      this.#plan();
    });
  }

  /** Calls `onMembers` with the ids of a group's living holders after each look, until the function returned is called. */
  members(group: string, onMembers: (members: readonly string[]) => void): () => void {
    this.#groups.set(group, onMembers);
    this.#plan(0);
    return () => {
      this.#groups.delete(group);
      this.#rest();
    };
  }

  #plan(delayMs = this.#options.renewEveryMs): void {
    if (this.#looking) return;
    if (delayMs > 0 && this.#timer !== undefined) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delayMs, () => void this.#look());
  }

  #rest(): void {
    if (this.#waiting.size > 0 || this.#groups.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Never rejects: what fails is looked at again. */
  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#looking = true;
    const { database, holder, renewEveryMs, telemetry } = this.#options;
    try {
      using ctx = this.#background.withTimeout(renewEveryMs);
      if (this.#groups.size > 0) await this.#appear();
      const asked = [...this.#groups.keys()];
      const { rows } = await database.query<Seen>(ctx, LOOK, [[...this.#waiting.keys()], asked]);
      this.#tell(rows, asked);
    } catch (error) {
      if (!this.#background.signal.aborted)
        telemetry.log.warn(undefined, `${database.name}: ${holder} could not look for free leases; trying again`, {
          error,
        });
    }
    this.#looking = false;
    if (this.#waiting.size > 0 || this.#groups.size > 0) this.#plan();
  }

  #tell(rows: readonly Seen[], groups: readonly string[]): void {
    for (const { free } of rows) {
      if (free === null) continue;
      const found = this.#waiting.get(free);
      this.#waiting.delete(free);
      found?.();
    }
    for (const group of groups) {
      const members = rows.flatMap(({ group_name, member }) => (group_name === group && member !== null ? member : []));
      this.#groups.get(group)?.(members);
    }
  }
}
