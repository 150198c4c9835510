import { uuidV7, type Clock, type Context, type Random } from '@fairlead/core';
import { docs, enqueueMany, type Database, type Lease, type Leases } from '@fairlead/store';
import { fail } from '../errors.ts';
import { hasEnded } from './run-body.ts';
import { alone, SAGA_DOCS, sagaKeys, storedRun, WAKE_QUEUE } from './run-docs.ts';

/** What a life stands on. */
export interface LifeGround {
  /** Under the scope of all tenants. */
  readonly database: Database;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly random: Random;
}

/** A run that a slot is for. */
export interface SlotRun {
  readonly saga: string;
  readonly id: string;
  readonly tenant: string | undefined;
}

/** A slot that is taken. */
export interface Slot extends SlotRun {
  readonly number: number;
  /** By the monotonic clock. */
  readonly takenAtMs: number;
}

/** Lives by id; each has a lease, and is dead when somebody else gets that. */
const LIVES = docs('fairlead.saga-life', { tenancy: 'none' });
/** Tenants of a life's runs: `<life>/<tenant>`. */
const TENANTS = docs('fairlead.saga-life-tenant', { tenancy: 'none' });
const PAGE = 500;
/** Lives that one look asks about, so that many processes don't all ask about all. */
const LOOKED_AT = 8;

/**
 * A life of a process, to which runs belong. Which ones, slots say: documents that are overwritten by the next run, in the
 * statement that starts it, and that say nothing once their run names another owner or none. So ownership costs no
 * statement of its own, and nothing has to be cleaned up.
 */
export class RunnerLife {
  readonly id: string;
  readonly lease: Lease;
  readonly #ground: LifeGround;
  readonly #taken = new Map<number, Slot>();
  readonly #free: number[] = [];
  readonly #tenants = new Set<string>();
  #slots = 0;

  private constructor(ground: LifeGround, id: string, lease: Lease) {
    this.#ground = ground;
    this.id = id;
    this.lease = lease;
  }

  /** @throws what `Leases.acquire` does, and when the database is away */
  static async begin(ctx: Context, ground: LifeGround): Promise<RunnerLife> {
    const id = uuidV7(ground);
    const acquired = await ground.leases.acquire(ctx, leaseOf(id));
    if (acquired.kind === 'taken') throw fail('SAGA_LOST', `The lease of the new life ${id} is taken. Try again.`);
    await alone(ctx, ground.database, (tx) => LIVES.put(tx, id, { holder: ground.database.name }));
    return new RunnerLife(ground, id, acquired.lease);
  }

  /** Slots that are taken. */
  get taken(): Iterable<Slot> {
    return this.#taken.values();
  }

  isKnown(tenant: string | undefined): boolean {
    return tenant === undefined || this.#tenants.has(tenant);
  }

  /** Makes sure that its runs of this tenant will be found. */
  async knows(ctx: Context, tenant: string | undefined): Promise<void> {
    if (tenant === undefined || this.#tenants.has(tenant)) return;
    await alone(ctx, this.#ground.database, (tx) => TENANTS.put(tx, `${this.id}/${tenant}`, { tenant }));
    this.#tenants.add(tenant);
  }

  take(run: SlotRun): Slot {
    const number = this.#free.pop() ?? this.#slots++;
    const slot = { ...run, number, takenAtMs: this.#ground.clock.monotonic() };
    this.#taken.set(number, slot);
    return slot;
  }

  giveBack({ number }: Slot): void {
    if (this.#taken.delete(number)) this.#free.push(number);
  }

  /** The document that says it. */
  entry({ number, saga, id }: Slot): { readonly key: string; readonly body: unknown } {
    return { key: sagaKeys.slot(this.id, number), body: { saga, id } };
  }

  /** Ends it. `clean`: it has no runs any more; otherwise others will find them. */
  async end(ctx: Context, clean: boolean): Promise<void> {
    if (clean) await forget(ctx, this.#ground.database, this.id, [...this.#tenants]);
    await this.lease.release(ctx);
  }
}

/** Whether a life goes on, as far as anybody knows. */
export async function isAlive(ctx: Context, database: Database, life: string): Promise<boolean> {
  const found = await LIVES.get({ ctx, database }, life);
  return found !== undefined && !isDead(found.body);
}

/**
 * Looks whether other lives have ended, and wakes what they had. Several processes may do so at once: who has a dead one's
 * lease does it, and whoever dies doing it is followed by the next.
 */
export async function buryTheDead(ctx: Context, ground: LifeGround, own: string): Promise<void> {
  const { docs: lives } = await LIVES.list({ ctx, database: ground.database }, { limit: 1_000 });
  const others = lives.filter(({ key }) => key !== own);
  const dead = others.filter(({ body }) => isDead(body));
  const alive = others.filter(({ body }) => !isDead(body));
  while (alive.length > LOOKED_AT) alive.splice(Math.floor(ground.random.next() * alive.length), 1);
  for (const { key } of [...dead, ...alive]) {
    const acquired = await ground.leases.acquire(ctx, leaseOf(key));
    if (acquired.kind === 'taken') continue;
    try {
      await bury(ctx, ground.database, key);
    } finally {
      await acquired.lease.release(ctx);
    }
  }
}

async function bury(ctx: Context, database: Database, life: string): Promise<void> {
  // First, so that whoever is woken knows.
  await alone(ctx, database, (tx) => LIVES.put(tx, life, { dead: true }));
  const tenants: string[] = [];
  for (let after = ''; ;) {
    const page = await TENANTS.list({ ctx, database }, { prefix: `${life}/`, after, limit: PAGE });
    tenants.push(...page.docs.map(({ key }) => key.slice(life.length + 1)));
    if (page.next === undefined) break;
    after = page.next;
  }
  for (const tenant of [undefined, ...tenants]) await wakeRuns(ctx.derive({ tenant }), database, life);
  await forget(ctx, database, life, tenants);
}

/** Wakes the runs of a life that is over, of the Context's tenant. */
async function wakeRuns(ctx: Context, database: Database, life: string): Promise<void> {
  for (let after = ''; ;) {
    const prefix = sagaKeys.slots(life);
    const page = await SAGA_DOCS.list({ ctx, database }, { prefix, after, limit: PAGE });
    // Written by `entry`.
    const keys = page.docs.map(({ body }) => body as SlotRun).map(({ saga, id }) => sagaKeys.run(saga, id));
    const runs = await SAGA_DOCS.getMany({ ctx, database }, [...new Set(keys)]);
    const left = [...runs.values()].map((doc) => storedRun(doc).body);
    const payloads = left
      .filter(({ owner, status }) => owner === life && !hasEnded(status))
      .map(({ saga, id }) => ({ payload: { saga, id, why: 'news' as const } }));
    if (payloads.length > 0) await alone(ctx, database, (tx) => enqueueMany(tx, WAKE_QUEUE, payloads));
    if (page.docs.length > 0)
      await database.tx(ctx, async (tx) => {
        for (const { key } of page.docs) await SAGA_DOCS.delete(tx, key);
      });
    if (page.next === undefined) return;
    after = page.next;
  }
}

async function forget(ctx: Context, database: Database, life: string, tenants: readonly string[]): Promise<void> {
  await database.tx(ctx, async (tx) => {
    for (const tenant of tenants) await TENANTS.delete(tx, `${life}/${tenant}`);
    await LIVES.delete(tx, life);
  });
}

function leaseOf(life: string): string {
  return `fairlead.saga/${life}`;
}

function isDead(body: unknown): boolean {
  // Written by this file.
  return (body as { readonly dead?: boolean } | undefined)?.dead === true;
}
