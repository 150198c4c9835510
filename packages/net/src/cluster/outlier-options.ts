import { atLeast, between, wholeNumber } from './option-check.ts';

/**
 * Endpoints that fail are left out for a while, longer each time: Envoy's outlier detection, with its defaults. Failures are
 * `server-error` and worse.
 */
export interface EjectionOptions {
  readonly kind?: 'ejection';
  /** Failures in a row that eject. Default 5; 0 turns this rule off. */
  readonly consecutiveFailures?: number;
  /** Failures in a row of a gateway or connection (502, 503, 504, none at all) that eject. Default 0: off. */
  readonly consecutiveGatewayErrors?: number;
  /** How often the statistics are looked at and begun anew, in milliseconds. Default 10 000; at least 1. */
  readonly intervalMs?: number;
  /** Length of an ejection, for each time in a row, in milliseconds. Default 30 000; at least 1. */
  readonly baseMs?: number;
  /** The longest ejection without jitter, in milliseconds. Default 300 000; at least `baseMs`. */
  readonly maxMs?: number;
  /** Up to so much longer, at random, in milliseconds. Default 0. */
  readonly jitterMs?: number;
  /** Share of the endpoints that may be ejected at once, from 0 to 1. One may be in any case, unless it is the only one. Default 0.1. */
  readonly maxEjectedRatio?: number;
  /** Whether a cluster's only endpoint may be ejected, too. Default false. */
  readonly mayEjectOnly?: boolean;
  /** Ejects who succeeds less than the others do. Default on. */
  readonly successRate?: SuccessRateOptions | 'off';
  /** Ejects who fails too often, whatever the others do. Default off. */
  readonly failurePercentage?: FailurePercentageOptions | 'off';
}

/** Compares success ratios within the cluster. */
export interface SuccessRateOptions {
  /** With fewer endpoints that have enough requests, nothing is compared. Default 5. */
  readonly minEndpoints?: number;
  /** With fewer requests in the interval, an endpoint is not looked at. Default 100. */
  readonly minRequests?: number;
  /** Standard deviations below the mean that eject. Default 1.9. */
  readonly deviations?: number;
}

/** Compares failure ratios with a number. */
export interface FailurePercentageOptions {
  /** Failures of requests that eject, from 0 to 1. Default 0.85. */
  readonly ratio?: number;
  /** As for success rates. Default 5. */
  readonly minEndpoints?: number;
  /** As for success rates. Default 50. */
  readonly minRequests?: number;
}

/**
 * Endpoints that fail several times in a row are left out for a while; then one request decides whether they come back, or
 * stay away twice as long. Linkerd's failure accrual, with its defaults.
 */
export interface ProbationOptions {
  readonly kind: 'probation';
  /** Failures in a row. Default 7; at least 1. */
  readonly consecutiveFailures?: number;
  /** First penalty, in milliseconds; it doubles each time. Default 1 000; at least 1. */
  readonly minPenaltyMs?: number;
  /** Longest penalty without jitter, in milliseconds. Default 60 000; at least `minPenaltyMs`. */
  readonly maxPenaltyMs?: number;
  /** Up to this part of a penalty longer, at random. Default 0.5; from 0 to 100. */
  readonly jitterRatio?: number;
  /** As for ejections. Default 1. */
  readonly maxEjectedRatio?: number;
  /** As for ejections. Default false. */
  readonly mayEjectOnly?: boolean;
}

/** How endpoints that fail are left out. */
export type OutlierOptions = EjectionOptions | ProbationOptions;

/** Nothing left open. */
export type ResolvedEjection = Required<Omit<EjectionOptions, 'successRate' | 'failurePercentage'>> & {
  readonly successRate: Required<SuccessRateOptions> | 'off';
  readonly failurePercentage: Required<FailurePercentageOptions> | 'off';
};

/** Nothing left open. */
export type ResolvedOutliers = ResolvedEjection | Required<ProbationOptions>;

const EJECTION = {
  kind: 'ejection',
  consecutiveFailures: 5,
  consecutiveGatewayErrors: 0,
  intervalMs: 10_000,
  baseMs: 30_000,
  maxMs: 300_000,
  jitterMs: 0,
  maxEjectedRatio: 0.1,
  mayEjectOnly: false,
} as const;
const SUCCESS_RATE = { minEndpoints: 5, minRequests: 100, deviations: 1.9 };
const FAILURE_PERCENTAGE = { ratio: 0.85, minEndpoints: 5, minRequests: 50 };
const PROBATION = {
  consecutiveFailures: 7,
  minPenaltyMs: 1_000,
  maxPenaltyMs: 60_000,
  jitterRatio: 0.5,
  maxEjectedRatio: 1,
  mayEjectOnly: false,
};

/** @throws MISCONFIGURED */
export function resolveOutliers(options: OutlierOptions): ResolvedOutliers {
  return options.kind === 'probation' ? resolveProbation(options) : resolveEjection(options);
}

function resolveEjection({ successRate = {}, failurePercentage = 'off', ...given }: EjectionOptions): ResolvedEjection {
  const resolved = {
    ...EJECTION,
    ...given,
    successRate: successRate === 'off' ? successRate : { ...SUCCESS_RATE, ...successRate },
    failurePercentage:
      failurePercentage === 'off' ? failurePercentage : { ...FAILURE_PERCENTAGE, ...failurePercentage },
  };
  wholeNumber('outliers.consecutiveFailures', resolved.consecutiveFailures, 0);
  wholeNumber('outliers.consecutiveGatewayErrors', resolved.consecutiveGatewayErrors, 0);
  atLeast('outliers.intervalMs', resolved.intervalMs, 1);
  atLeast('outliers.baseMs', resolved.baseMs, 1);
  atLeast('outliers.maxMs', resolved.maxMs, resolved.baseMs);
  atLeast('outliers.jitterMs', resolved.jitterMs, 0);
  between('outliers.maxEjectedRatio', resolved.maxEjectedRatio, 0, 1);
  if (resolved.successRate !== 'off') {
    wholeNumber('outliers.successRate.minEndpoints', resolved.successRate.minEndpoints, 1);
    wholeNumber('outliers.successRate.minRequests', resolved.successRate.minRequests, 1);
    atLeast('outliers.successRate.deviations', resolved.successRate.deviations, 0);
  }
  if (resolved.failurePercentage !== 'off') {
    between('outliers.failurePercentage.ratio', resolved.failurePercentage.ratio, 0, 1);
    wholeNumber('outliers.failurePercentage.minEndpoints', resolved.failurePercentage.minEndpoints, 1);
    wholeNumber('outliers.failurePercentage.minRequests', resolved.failurePercentage.minRequests, 1);
  }
  return resolved;
}

function resolveProbation(options: ProbationOptions): Required<ProbationOptions> {
  const resolved = { ...PROBATION, ...options };
  wholeNumber('outliers.consecutiveFailures', resolved.consecutiveFailures, 1);
  atLeast('outliers.minPenaltyMs', resolved.minPenaltyMs, 1);
  atLeast('outliers.maxPenaltyMs', resolved.maxPenaltyMs, resolved.minPenaltyMs);
  between('outliers.jitterRatio', resolved.jitterRatio, 0, 100);
  between('outliers.maxEjectedRatio', resolved.maxEjectedRatio, 0, 1);
  return resolved;
}
