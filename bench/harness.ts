// Runs a benchmark: subjects take turns over the rounds, each time in a fresh process, so that neither a warm
// compiler, nor a grown heap, nor a machine that slows down favours one of them.
//
// bench.ts         what a benchmark is
// statistics.ts    medians and spreads
// machine.ts       what it ran on
// table.ts         a report for people
// main.ts          the command; catalog.ts lists the benchmarks
// subjects/        the programs that are measured

import type { Bench, Row, Subject } from './bench.ts';
import { spread, type Spread } from './statistics.ts';

/** The values of one process, by row id. */
export type Measurement = Readonly<Record<string, number>>;

/** What a benchmark found, as `--json` prints it. */
export interface BenchReport {
  readonly bench: string;
  readonly machine: string;
  readonly rounds: number;
  readonly rows: readonly RowReport[];
}

/** One row of it. */
export interface RowReport {
  readonly id: string;
  /** Ours: the median over the rounds. */
  readonly value: number;
  readonly unit: string;
  readonly better: Row['better'];
  /** `null` when nothing is promised. */
  readonly goal: number | null;
  /** Whether the median keeps the goal; `null` without one, and when no round counts. */
  readonly met: boolean | null;
  /** Medians by peer. */
  readonly peers: Readonly<Record<string, number>>;
  /** Ours divided by the peer's, by peer; not there for a peer with 0. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Lowest and highest by subject, ours included. */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
}

/** What a run needs from outside. */
export interface HarnessPorts {
  /** Runs a subject once, in a process of its own. */
  measure(subject: Subject, bench: Bench): Promise<Measurement>;
  /** A sentence about the machine. */
  readonly machine: string;
  /** Told before each process. Default: nothing happens. */
  onRun?(subject: Subject, round: number): void;
}

/**
 * Measures every subject `rounds` times and reports medians.
 * @throws Error when `rounds` is not a positive whole number, when a subject fails, when ours leaves out a row, and when
 *   a subject reports a row that the benchmark doesn't have
 */
export async function runBench(bench: Bench, rounds: number, ports: HarnessPorts): Promise<BenchReport> {
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number above 0, not ${rounds}`);
  const subjects = [bench.subject, ...bench.peers];
  const taken = new Map<string, Map<string, number[]>>(subjects.map((each) => [each.name, new Map()]));
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins each round: what runs first finds the machine in another state than what follows.
    for (const subject of rotate(subjects, round)) {
      ports.onRun?.(subject, round);
      const measurement = await ports.measure(subject, bench);
      take(bench, subject, measurement, taken.get(subject.name));
    }
  }
  const rows = bench.rows.map((row) =>
    row.ratio === undefined
      ? report(row, bench, (name) => taken.get(name)?.get(row.id))
      : ratioReport(row, row.ratio, bench, taken),
  );
  return { bench: bench.name, machine: ports.machine, rounds, rows };
}

function take(
  bench: Bench,
  subject: Subject,
  measurement: Measurement,
  values: Map<string, number[]> | undefined,
): void {
  for (const [id, value] of Object.entries(measurement)) {
    if (!bench.rows.some((row) => row.id === id && row.ratio === undefined))
      throw new Error(`${bench.name}: ${subject.name} measured "${id}", which is no row`);
    if (!Number.isFinite(value)) throw new Error(`${bench.name}: ${subject.name} measured ${value} for "${id}"`);
    values?.set(id, [...(values.get(id) ?? []), value]);
  }
}

function report(row: Row, bench: Bench, valuesOf: (subject: string) => number[] | undefined): RowReport {
  const mine = valuesOf(bench.subject.name);
  if (mine === undefined) throw new Error(`${bench.name}: ${bench.subject.name} did not measure "${row.id}"`);
  const own = spread(mine);
  const peers: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  const ranges: Record<string, readonly [number, number]> = { [bench.subject.name]: rangeOf(own) };
  for (const peer of bench.peers) {
    const values = valuesOf(peer.name);
    if (values === undefined) continue;
    const theirs = spread(values);
    peers[peer.name] = theirs.median;
    if (theirs.median !== 0) ratios[peer.name] = own.median / theirs.median;
    ranges[peer.name] = rangeOf(theirs);
  }
  return {
    id: row.id,
    value: own.median,
    unit: row.unit,
    better: row.better,
    goal: row.goal ?? null,
    met: row.goal === undefined ? null : keeps(row, own.median, row.goal),
    peers,
    ratios,
    ranges,
  };
}

function ratioReport(
  row: Row,
  { of, to, by, where }: NonNullable<Row['ratio']>,
  bench: Bench,
  taken: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>,
): RowReport {
  const ours = by ?? bench.subject.name;
  const mine = taken.get(ours)?.get(of) ?? [];
  const theirs = taken.get(to)?.get(of) ?? [];
  if (mine.length === 0 || mine.length !== theirs.length)
    throw new Error(`${bench.name}: "${row.id}" needs "${of}" of ${ours} and ${to} in every round`);
  const rounds = mine.map((value, round) => value / (theirs[round] ?? Number.NaN));
  const counted = rounds.filter((_, round) =>
    [ours, to].every((name) => where === undefined || (taken.get(name)?.get(where.row)?.[round] ?? 0) >= where.atLeast),
  );
  const own = spread(counted.length === 0 ? rounds : counted);
  return {
    id: row.id,
    value: own.median,
    unit: row.unit,
    better: row.better,
    goal: row.goal ?? null,
    met: row.goal === undefined || counted.length === 0 ? null : keeps(row, own.median, row.goal),
    peers: {},
    ratios: {},
    ranges: { [ours]: rangeOf(own) },
  };
}

function keeps(row: Row, value: number, goal: number): boolean {
  return row.better === 'lower' ? value <= goal : value >= goal;
}

function rangeOf(of: Spread): readonly [number, number] {
  return [of.min, of.max];
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
