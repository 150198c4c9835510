import type { Endpoint } from '../client/options.ts';
import type { Pool } from '../client/pool.ts';
import type { AttemptOutcome, Picked } from './cluster-types.ts';
import { newStanding, type Standing } from './standing.ts';
import type { PeakEwma } from './peak-ewma.ts';

/** Who counts what members have under way. */
export interface MemberWatch {
  began(member: Member): void;
  ended(member: Member, outcome: AttemptOutcome, latencyMs: number): void;
}

/** What a member is made of. */
export interface MemberParts {
  /** Tells it from all others of the cluster: the same after a change of weight or zone. */
  readonly key: string;
  /** What requests to it say in `Host`; `undefined` for the endpoint's own. */
  readonly host: string | undefined;
  readonly endpoint: Endpoint;
  readonly pool: Pool;
  readonly address: string;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly latency: PeakEwma;
  readonly watch: MemberWatch;
}

/** An endpoint of a cluster, as long as that has it. Shapes are kept alike, since picking reads them. */
export class Member implements Picked {
  readonly key: string;
  readonly host: string | undefined;
  readonly endpoint: Endpoint;
  readonly pool: Pool;
  readonly address: string;
  readonly latency: PeakEwma;
  weight: number;
  zone: string | undefined;
  /** Whether balancers may pick it now. */
  isEligible = true;
  inFlight = 0;
  /** Attempts that failed or were turned away since one was answered. */
  missesInRow = 0;
  attempts = 0;
  failures = 0;
  /** What all attempts that ended took, in milliseconds. */
  spentMs = 0;
  /** It takes less than its share until `warmUntilMs`, on monotonic time; both are 0 otherwise. */
  warmSinceMs = 0;
  warmUntilMs = 0;
  /** No more in the cluster; its pool is closed when nothing is under way. */
  isRetired = false;
  readonly standing: Standing = newStanding();
  readonly #watch: MemberWatch;

  constructor({ key, host, endpoint, pool, address, weight, zone, latency, watch }: MemberParts) {
    this.key = key;
    this.host = host;
    this.endpoint = endpoint;
    this.pool = pool;
    this.address = address;
    this.weight = weight;
    this.zone = zone;
    this.latency = latency;
    this.#watch = watch;
  }

  began(): void {
    this.inFlight += 1;
    this.#watch.began(this);
  }

  ended(outcome: AttemptOutcome, latencyMs: number): void {
    this.inFlight -= 1;
    this.#watch.ended(this, outcome, latencyMs);
  }
}
