/** One tenant's account. */
interface Account {
  /** Virtual time: milliseconds of slots that were used, divided by the weight. */
  virtualMs: number;
  /** How long its jobs take lately, in milliseconds. */
  usualMs: number;
  weight: number;
  /** Jobs that are charged and have not ended. */
  open: number;
}

/** What a job was charged. */
export interface Charge {
  readonly tenant: string;
  chargedMs: number;
}

/** Whose turn it is, for the statement that claims: only tenants for which something other than 0 and 1 holds. */
export interface Turns {
  readonly tenants: readonly string[];
  readonly starts: readonly number[];
  readonly costs: readonly number[];
}

/** How much a job counts at least: many that take no time at all still take turns. */
const LEAST_MS = 1;
/** How much the latest job says about what is usual. */
const LATEST = 0.2;
const MAX_ACCOUNTS = 2_000;

/**
 * Fair shares of one worker's slots. What tenants share is the time that slots are held, by weight: a job is charged what its
 * tenant's jobs take lately, more while it takes longer, and in the end what it took. Who comes back after a while begins
 * where the others are. Start-time fair queueing (Goyal, Vin and Cheng, 1996), as policies do it.
 *
 * Each worker keeps its own: when each shares its slots fairly, all do, and nothing has to be locked for it.
 */
export class FairAccounts {
  readonly #weightOf: (tenant: string | undefined) => number;
  readonly #accounts = new Map<string, Account>();
  /** Virtual time of the whole: where who comes back begins. */
  #virtualMs = 0;
  /** How long jobs of all tenants take lately. */
  #usualMs = LEAST_MS;

  constructor(weightOf: (tenant: string | undefined) => number) {
    this.#weightOf = weightOf;
  }

  /** How long jobs take lately, in milliseconds. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** Who has jobs that wait, as the last claim has seen it. */
  seen(tenants: readonly string[]): void {
    let lowest = Infinity;
    for (const tenant of tenants) {
      const account = this.#accounts.get(tenant);
      if (account === undefined && this.#weigh(tenant) !== 1) this.#open(tenant);
      lowest = Math.min(lowest, account?.virtualMs ?? this.#virtualMs);
    }
    if (lowest !== Infinity) this.#virtualMs = Math.max(this.#virtualMs, lowest);
    const waiting = new Set(tenants);
    for (const [tenant, account] of this.#accounts) {
      account.virtualMs = Math.max(account.virtualMs, this.#virtualMs);
      const even = account.virtualMs === this.#virtualMs && account.open === 0 && !waiting.has(tenant);
      if (even || this.#accounts.size > MAX_ACCOUNTS) this.#accounts.delete(tenant);
    }
  }

  /** Nobody waits any more: nobody pays for slots that nobody else wanted. */
  drained(): void {
    for (const { virtualMs } of this.#accounts.values()) this.#virtualMs = Math.max(this.#virtualMs, virtualMs);
    this.seen([]);
  }

  turns(): Turns {
    const tenants: string[] = [];
    const starts: number[] = [];
    const costs: number[] = [];
    for (const [tenant, { virtualMs, usualMs, weight }] of this.#accounts) {
      tenants.push(tenant);
      starts.push(Math.max(0, virtualMs - this.#virtualMs) / this.#usualMs);
      costs.push(usualMs / weight / this.#usualMs);
    }
    return { tenants, starts, costs };
  }

  /** Charges a job that was claimed. */
  charge(tenant: string): Charge {
    const account = this.#accounts.get(tenant) ?? this.#open(tenant);
    account.virtualMs += account.usualMs / account.weight;
    account.open += 1;
    return { tenant, chargedMs: account.usualMs };
  }

  /** Charges what a job has taken beyond what is usual, while it goes on. */
  longer(charge: Charge, elapsedMs: number): void {
    const account = this.#accounts.get(charge.tenant);
    if (account === undefined || elapsedMs <= charge.chargedMs) return;
    account.virtualMs += (elapsedMs - charge.chargedMs) / account.weight;
    charge.chargedMs = elapsedMs;
  }

  /** Settles a job's account by what it took; `undefined` for one that was given back unbegun. */
  settle(charge: Charge, tookMs: number | undefined): void {
    const account = this.#accounts.get(charge.tenant);
    if (account === undefined) return;
    account.open -= 1;
    const ms = tookMs === undefined ? 0 : Math.max(LEAST_MS, tookMs);
    account.virtualMs += (ms - charge.chargedMs) / account.weight;
    if (tookMs === undefined) return;
    account.usualMs += LATEST * (ms - account.usualMs);
    this.#usualMs += LATEST * (ms - this.#usualMs);
  }

  #open(tenant: string): Account {
    const account = {
      virtualMs: this.#virtualMs,
      usualMs: this.#usualMs,
      weight: this.#weigh(tenant),
      open: 0,
    };
    this.#accounts.set(tenant, account);
    return account;
  }

  /** A weight that makes no sense is 1: a claim must not fail for it. */
  #weigh(tenant: string): number {
    const weight = this.#weightOf(tenant === '' ? undefined : tenant);
    return weight > 0 && weight < Infinity ? weight : 1;
  }
}
