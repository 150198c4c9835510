import { createHash } from 'node:crypto';
import type { Closeable, CloseOptions } from '@fairlead/core';
import type { Election, LeadFunction, ShardFunction, Shards } from './lease-types.ts';
import type { LeaseWatch } from './lease-watch.ts';

/** What a set of shards stands on. */
export interface ShardsGround {
  readonly watch: LeaseWatch;
  /** Id of this process among the members; `undefined` while it has none. */
  selfId(): string | undefined;
  lead(name: string, fn: LeadFunction): Election;
  /** Called once, when it has ended. */
  onEnd(shards: Closeable): void;
}

/**
 * The shards of `0 … count − 1` that fall to `self`: each goes to the member with the highest hash of both (rendezvous
 * hashing, *Thaler, Ravishankar 1996*), so a member that comes or goes moves only its own.
 */
export function shardsOf(self: string, members: readonly string[], count: number): readonly number[] {
  return Array.from({ length: count }, (_, shard) => shard).filter((shard) => {
    let best = '';
    let owner = '';
    for (const member of members) {
      const score = createHash('sha256').update(`${member} ${shard}`).digest('hex');
      if (score > best) [best, owner] = [score, member];
    }
    return owner === self;
  });
}

/** Campaigns for the shards that fall to this process, and for no others. */
export class LeaseShards implements Shards {
  readonly name: string;
  readonly count: number;
  readonly #ground: ShardsGround;
  readonly #fn: ShardFunction;
  readonly #elections = new Map<number, Election>();
  readonly #leaving = new Set<number>();
  readonly #stop: () => void;
  #seen = '';
  #mine: ReadonlySet<number> = new Set();
  #closing: Promise<void> | undefined;

  constructor(ground: ShardsGround, name: string, count: number, fn: ShardFunction) {
    this.#ground = ground;
    this.name = name;
    this.count = count;
    this.#fn = fn;
    this.#stop = ground.watch.members(name, (members) => this.#spread(members));
  }

  get held(): readonly number[] {
    return [...this.#elections]
      .flatMap(([shard, { lease }]) => (lease === undefined ? [] : shard))
      .toSorted((a, b) => a - b);
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #spread(members: readonly string[]): void {
    const self = this.#ground.selfId();
    const seen = JSON.stringify([self, members.toSorted()]);
    if (seen !== this.#seen) this.#mine = new Set(self === undefined ? [] : shardsOf(self, members, this.count));
    this.#seen = seen;
    for (const [shard, election] of this.#elections) {
      if (this.#mine.has(shard) || this.#leaving.has(shard)) continue;
      // Until it has settled the lease is its own, and the shard is nobody else's.
      this.#leaving.add(shard);
      void election.close({ graceMs: Infinity }).finally(() => {
        this.#leaving.delete(shard);
        this.#elections.delete(shard);
      });
    }
    for (const shard of this.#mine) {
      if (this.#elections.has(shard)) continue;
      const election = this.#ground.lead(`${this.name}/${shard}`, (ctx, lease) => this.#fn(ctx, shard, lease));
      this.#elections.set(shard, election);
    }
  }

  async #close(options: CloseOptions): Promise<void> {
    this.#stop();
    try {
      await Promise.all([...this.#elections.values()].map((election) => election.close(options)));
    } finally {
      this.#ground.onEnd(this);
    }
  }
}
