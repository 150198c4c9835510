import { createHash } from 'node:crypto';

/**
 * Everything that happened in a simulation, in order, as one hash: two runs of one seed are the same run exactly when
 * their hashes are equal.
 */
export interface Trace {
  /** Adds one happening at virtual time `at`. */
  add(at: number, kind: string, ...facts: readonly unknown[]): void;
  readonly count: number;
  /** SHA-256 in hex over everything added so far. */
  hash(): string;
  /** What was added, a line each, to compare two runs that should have been one. Empty unless asked for. */
  readonly lines: readonly string[];
}

/** A trace; `keepLines` also keeps its text (some MB for a long run). */
export function trace(options: { keepLines: boolean }): Trace {
  const digest = createHash('sha256');
  const lines: string[] = [];
  let count = 0;
  return {
    lines,
    get count() {
      return count;
    },
    add(at, kind, ...facts) {
      const line = `${at} ${kind} ${JSON.stringify(facts, plain)}`;
      digest.update(line).update('\n');
      count += 1;
      if (options.keepLines) lines.push(line);
    },
    hash: () => digest.copy().digest('hex'),
  };
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
