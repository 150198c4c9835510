import { isError, type Clock, type Context, type Random, type TransportRequest } from '@fairlead/core';
import {
  addressOf,
  openCluster,
  type AttemptOutcome,
  type Cluster,
  type ClusterEndpoint,
  type ClusterEvent,
  type ClusterRefusal,
  type Picked,
  type ReceivedAnswer,
} from '@fairlead/net';
import { fail } from './errors.ts';
import { netEndpoint, type Endpoint } from './service-endpoint.ts';

/** What clusters of a transport have in common. */
export interface ServiceClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly maxConnections: number;
  readonly pool: {
    readonly connectTimeoutMs: number;
    readonly maxAnswerBytes: number;
    readonly idleTimeoutMs: number;
  };
  readonly observe: (service: string, event: ClusterEvent) => void;
}

const MAX_WAITING = 4_096;

const WHY: Readonly<Record<ClusterRefusal, string>> = {
  'no-endpoints': 'nobody knows where it is',
  'no-healthy-endpoints': 'none of its endpoints is well',
  'max-requests': 'too many requests are under way',
  'max-pending': 'too many requests wait for a connection',
  'max-retries': 'too many repeats are under way',
  closed: 'this process is shutting down',
};

/** The endpoints of a service that has several: each call goes to one of them, and who fails is left out for a while. */
export class ServiceCluster {
  readonly #service: string;
  readonly #clock: Clock;
  readonly #cluster: Cluster;
  readonly #basePaths = new Map<string, string>();
  /** Who was asked last for a call, so that its next attempt goes to somebody else. */
  readonly #asked = new WeakMap<object, Picked>();
  #endpoints: readonly Endpoint[] = [];

  constructor(service: string, options: ServiceClusterOptions) {
    const { clock, random, maxConnections, pool, observe } = options;
    this.#service = service;
    this.#clock = clock;
    this.#cluster = openCluster({
      name: service,
      endpoints: [],
      clock,
      random,
      pool,
      // How many there may be at once is up to the policy.
      limits: { maxConnections, maxPending: MAX_WAITING, maxRequests: Number.MAX_SAFE_INTEGER },
      observe: (event) => observe(service, event),
    });
  }

  /** From now on, these. */
  use(endpoints: readonly Endpoint[]): void {
    if (endpoints === this.#endpoints) return;
    this.#endpoints = endpoints;
    const known: ClusterEndpoint[] = [];
    for (const written of endpoints) {
      const { endpoint, basePath } = netEndpoint(written);
      this.#basePaths.set(addressOf(endpoint), basePath);
      known.push({ endpoint });
    }
    this.#cluster.update(known);
  }

  async request(ctx: Context, { method, path, headers, body, call }: TransportRequest): Promise<ReceivedAnswer> {
    const picked = this.#cluster.pick(undefined, call && this.#asked.get(call));
    if (picked === undefined) {
      const { refusal } = this.#cluster;
      throw fail('UNAVAILABLE', `${this.#service} can't be reached: ${WHY[refusal]}.`, {
        details: { processed: 'no', service: this.#service, why: refusal },
      });
    }
    const target = (this.#basePaths.get(picked.address) ?? '') + path;
    if (call !== undefined) this.#asked.set(call, picked);
    const startedMs = this.#clock.monotonic();
    let outcome: AttemptOutcome = 'cancelled';
    picked.began();
    try {
      const answer = await picked.pool.request(ctx, { method, target, fields: headers, body });
      outcome = outcomeOf(answer);
      return answer;
    } catch (error) {
      outcome = outcomeOfError(error);
      throw error;
    } finally {
      picked.ended(outcome, this.#clock.monotonic() - startedMs);
    }
  }

  close(): Promise<void> {
    return this.#cluster.close({ graceMs: 0 });
  }
}

function outcomeOf({ status, fields }: ReceivedAnswer): AttemptOutcome {
  if (status === 429 || (status === 503 && fields.get('retry-after') !== undefined)) return 'turned-away';
  if (status < 500) return 'ok';
  return status >= 502 && status <= 504 ? 'gateway-error' : 'server-error';
}

function outcomeOfError(error: unknown): AttemptOutcome {
  if (isError(error, 'DEADLINE_EXCEEDED')) return 'timeout';
  // It did answer; that it was too much is no illness.
  if (isError(error, 'HTTP_BODY_TOO_LARGE')) return 'ok';
  if (isError(error, 'CONNECTION_FAILED')) return error.details['processed'] === 'no' ? 'connect-failed' : 'reset';
  return error instanceof Error && 'code' in error && String(error.code).startsWith('HTTP_') ? 'reset' : 'cancelled';
}
