import { quantile, type DurationCounts } from '../engine/duration-buckets.ts';
import type { RedCounts } from '../engine/red-window.ts';

/** What happened lately, for people. */
export interface RedFigures {
  readonly windowS: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly failed: number;
  readonly refused: number;
  readonly cancelled: number;
  readonly causes: { cause: string; requests: number }[];
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** The sum of what several processes have counted, each over its own window. */
export function redFigures(parts: readonly RedCounts[]): RedFigures {
  const sum = (of: (part: RedCounts) => number) => parts.reduce((total, part) => total + of(part), 0);
  const durations = durationSum(parts.map((part) => part.durations));
  const rate = (part: RedCounts) => (part.windowMs > 0 ? (part.requests * 1_000) / part.windowMs : 0);
  return {
    windowS: rounded(Math.max(0, ...parts.map(({ windowMs }) => windowMs)) / 1_000),
    requests: sum(({ requests }) => requests),
    perSecond: rounded(sum(rate)),
    failed: sum(({ failed }) => failed),
    refused: sum(({ refused }) => refused),
    cancelled: sum(({ cancelled }) => cancelled),
    causes: byCount(parts.map(({ causes }) => causes)),
    p50Ms: rounded(quantile(durations, 0.5)),
    p95Ms: rounded(quantile(durations, 0.95)),
    p99Ms: rounded(quantile(durations, 0.99)),
  };
}

/** Causes with the sums of their counts, the most frequent first. */
export function byCount(parts: readonly Readonly<Record<string, number>>[]): { cause: string; requests: number }[] {
  const sums = new Map<string, number>();
  for (const part of parts) {
    for (const [cause, count] of Object.entries(part)) sums.set(cause, (sums.get(cause) ?? 0) + count);
  }
  return [...sums].map(([cause, requests]) => ({ cause, requests })).toSorted((a, b) => b.requests - a.requests);
}

/** Three digits are enough for people. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function durationSum(parts: readonly DurationCounts[]): DurationCounts {
  const sums = new Map<number, number>();
  for (const part of parts) for (const [bucket, count] of part) sums.set(bucket, (sums.get(bucket) ?? 0) + count);
  return [...sums].toSorted(([a], [b]) => a - b);
}
