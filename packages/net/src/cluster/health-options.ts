import { fail } from '../errors.ts';
import { atLeast, between, wholeNumber } from './option-check.ts';

/** How endpoints are asked whether they are well. */
export interface HealthOptions {
  /** Default `http`: a request and the status of its answer. `tcp`: a connection that opens. */
  readonly kind?: 'http' | 'tcp';
  /** Path and query to ask for. Default `/health/ready`. */
  readonly path?: string;
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD';
  /** What the request says in `Host`. Default: as requests to the endpoint do. */
  readonly host?: string;
  /** Statuses that are a success, from the first to the last, both included. Default 200 to 299. */
  readonly expectedStatuses?: readonly [from: number, to: number];
  /** From the end of one check to the next of a healthy endpoint, in milliseconds. Default 5 000; at least 1. */
  readonly intervalMs?: number;
  /** The same for an endpoint that isn't healthy. Default: `intervalMs`. */
  readonly unhealthyIntervalMs?: number;
  /** Up to this part of an interval longer, at random, so that checks don't come together. Default 0.1; from 0 to 1. */
  readonly jitterRatio?: number;
  /** How long a check may take, in milliseconds. Default 1 000; at least 1. */
  readonly timeoutMs?: number;
  /** Successes in a row that bring an endpoint back. Its very first check counts alone. Default 2; at least 1. */
  readonly healthyThreshold?: number;
  /** Failures in a row that take it out. A 503 is no failure but an answer, and takes it out at once. Default 3; at least 1. */
  readonly unhealthyThreshold?: number;
}

/** Nothing left open. */
export type ResolvedHealth = Required<Omit<HealthOptions, 'host'>> & { readonly host: string | undefined };

const DEFAULTS = {
  kind: 'http',
  path: '/health/ready',
  method: 'GET',
  host: undefined,
  expectedStatuses: [200, 299],
  intervalMs: 5_000,
  jitterRatio: 0.1,
  timeoutMs: 1_000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
} as const;

/** @throws MISCONFIGURED */
export function resolveHealth(options: HealthOptions): ResolvedHealth {
  const merged = { ...DEFAULTS, ...options };
  const resolved = { unhealthyIntervalMs: merged.intervalMs, ...merged };
  const [from, to] = resolved.expectedStatuses;
  if (!resolved.path.startsWith('/')) {
    throw fail('MISCONFIGURED', `health.path is "${resolved.path}"; give a path that begins with "/".`);
  }
  wholeNumber('health.expectedStatuses[0]', from, 200, 599);
  wholeNumber('health.expectedStatuses[1]', to, from, 599);
  atLeast('health.intervalMs', resolved.intervalMs, 1);
  atLeast('health.unhealthyIntervalMs', resolved.unhealthyIntervalMs, 1);
  between('health.jitterRatio', resolved.jitterRatio, 0, 1);
  atLeast('health.timeoutMs', resolved.timeoutMs, 1);
  wholeNumber('health.healthyThreshold', resolved.healthyThreshold, 1);
  wholeNumber('health.unhealthyThreshold', resolved.unhealthyThreshold, 1);
  return resolved;
}
