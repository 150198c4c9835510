import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryTree } from '../tools/testing/temporary-tree.ts';
import type { Bench } from './bench.ts';
import { BENCHES } from './catalog.ts';
import { measureInFreshProcess } from './fresh-process.ts';
import { runBench, type Measurement } from './harness.ts';
import { short, spread } from './statistics.ts';
import { reportTable } from './table.ts';

const bench: Bench = {
  name: 'demo',
  rows: [
    { id: 'speed', unit: 'req/s', better: 'higher', goal: 100 },
    { id: 'size', unit: 'MB', better: 'lower', goal: 10 },
    { id: 'free', unit: 's', better: 'lower' },
  ],
  subject: { name: 'ours', file: './a.ts' },
  peers: [
    { name: 'one', file: './b.ts' },
    { name: 'two', file: './c.ts' },
  ],
};

/** Measures from a list a subject; fails when one runs out. */
function scripted(values: Record<string, Measurement[]>): {
  runs: string[];
  measure: (subject: { name: string }) => Promise<Measurement>;
} {
  const runs: string[] = [];
  return {
    runs,
    measure: (subject) => {
      const next = values[subject.name]?.[runs.filter((name) => name === subject.name).length];
      runs.push(subject.name);
      return next === undefined ? Promise.reject(new Error(`${subject.name} ran too often`)) : Promise.resolve(next);
    },
  };
}

const three = (speed: number[], size: number): Measurement[] => speed.map((each) => ({ speed: each, size, free: 1 }));

test('subjects take turns, and another one begins each round', async () => {
  const { runs, measure } = scripted({ ours: three([1, 1, 1], 1), one: three([1, 1, 1], 1), two: three([1, 1, 1], 1) });
  await runBench(bench, 3, { measure, machine: 'm' });
  expect(runs).toEqual(['ours', 'one', 'two', 'one', 'two', 'ours', 'two', 'ours', 'one']);
});

test('nothing is divided by a peer that measured 0', async () => {
  const { measure } = scripted({ ours: three([1], 0), one: three([1], 0), two: three([1], 2) });
  const report = await runBench(bench, 1, { measure, machine: 'm' });
  expect(report.rows[1]).toMatchObject({ id: 'size', value: 0, peers: { one: 0, two: 2 }, ratios: { two: 0 } });
  expect(report.rows[1]?.ratios).not.toHaveProperty('one');
});

test('a report has medians, ranges, ratios, and whether the goal is kept', async () => {
  const { measure } = scripted({
    ours: three([120, 500, 90], 12),
    one: three([60, 60, 60], 6),
    two: three([240, 1, 240], 3),
  });
  const report = await runBench(bench, 3, { measure, machine: 'm' });
  expect(report).toMatchObject({ bench: 'demo', machine: 'm', rounds: 3 });
  expect(report.rows[0]).toEqual({
    id: 'speed',
    value: 120,
    unit: 'req/s',
    better: 'higher',
    goal: 100,
    met: true,
    peers: { one: 60, two: 240 },
    ratios: { one: 2, two: 0.5 },
    ranges: { ours: [90, 500], one: [60, 60], two: [1, 240] },
  });
  expect(report.rows[1]).toMatchObject({ id: 'size', value: 12, goal: 10, met: false });
  expect(report.rows[2]).toMatchObject({ id: 'free', goal: null, met: null });
  expect(reportTable(report)).toMatch(
    /^speed +ours 120 req\/s \(90\.0–500\) {3}one 60\.0 req\/s .*×2\.00.*goal 100 req\/s: met$/m,
  );
  expect(reportTable(report)).toMatch(/^size .*goal 10\.0 MB: MISSED$/m);
});

test('a peer may leave rows out, ours may not', async () => {
  const partial = scripted({ ours: three([1], 1), one: [{ speed: 2 }], two: [{}] });
  const report = await runBench(bench, 1, { measure: partial.measure, machine: 'm' });
  expect(report.rows.map((row) => row.peers)).toEqual([{ one: 2 }, {}, {}]);
  const lacking = scripted({ ours: [{ speed: 1 }], one: [{}], two: [{}] });
  await expect(runBench(bench, 1, { measure: lacking.measure, machine: 'm' })).rejects.toThrow(
    'did not measure "size"',
  );
});

test('a ratio is the median of what each round says, and nobody measures it', async () => {
  const ratio = { id: 'vs-one', unit: '×', better: 'higher', goal: 2, ratio: { of: 'speed', to: 'one' } } as const;
  const own = { ...bench, rows: [...bench.rows, ratio] };
  const values = { ours: three([100, 300, 90], 1), one: three([50, 100, 60], 1), two: three([1, 1, 1], 1) };
  const report = await runBench(own, 3, { measure: scripted(values).measure, machine: 'm' });
  // The medians would say 100 ÷ 60.
  expect(report.rows[3]).toMatchObject({ id: 'vs-one', value: 2, met: true, ranges: { ours: [1.5, 3] } });
  const byTwo = { ...ratio, ratio: { ...ratio.ratio, by: 'two' } };
  const ofTwo = { ...bench, rows: [...bench.rows, byTwo] };
  const said = await runBench(ofTwo, 3, { measure: scripted(values).measure, machine: 'm' });
  expect(said.rows[3]).toMatchObject({ value: 1 / 60, met: false, ranges: { two: [0.01, 0.02] } });
  const lacking = scripted({ ...values, one: [{}, {}, {}] });
  await expect(runBench(own, 3, { measure: lacking.measure, machine: 'm' })).rejects.toThrow(
    '"vs-one" needs "speed" of ours and one in every round',
  );
  const measured = scripted({ ...values, ours: [{ speed: 1, 'vs-one': 1 }] });
  await expect(runBench(own, 1, { measure: measured.measure, machine: 'm' })).rejects.toThrow('which is no row');
});

test('a round in which somebody was not busy does not count, and without any that was there is no saying', async () => {
  const where = { row: 'size', atLeast: 95 };
  const ratio = {
    id: 'vs-one',
    unit: '×',
    better: 'higher',
    goal: 2,
    ratio: { of: 'speed', to: 'one', where },
  } as const;
  const own = { ...bench, peers: bench.peers.slice(0, 1), rows: [...bench.rows, ratio] };
  const rowOf = async (busyOurs: number[], busyTheirs: number[]) => {
    const taken = (speed: number, busy: number[]) => busy.map((size) => ({ speed, size, free: 1 }));
    const [first, ...rest] = taken(100, busyOurs);
    const ours = [{ ...first, speed: 300 }, ...rest];
    const { measure } = scripted({ ours, one: taken(100, busyTheirs) });
    return runBench(own, busyOurs.length, { measure, machine: 'm' });
  };
  expect((await rowOf([96, 90], [95, 99])).rows[3]).toMatchObject({ value: 3, met: true });
  expect((await rowOf([96, 96], [94, 99])).rows[3]).toMatchObject({ value: 1, met: false });
  const none = await rowOf([96, 90], [90, 99]);
  expect(none.rows[3]).toMatchObject({ value: 2, met: null });
  expect(reportTable(none)).toMatch(/^vs-one .*goal 2.00 ×: no round counts$/m);
});

test('a row that the bench does not have, a value that is no number and no rounds at all are refused', async () => {
  const run = (ours: Measurement, rounds = 1): Promise<unknown> =>
    runBench({ ...bench, peers: [] }, rounds, { measure: () => Promise.resolve(ours), machine: 'm' });
  await expect(run({ sped: 1 })).rejects.toThrow('measured "sped", which is no row');
  await expect(run({ speed: Number.NaN })).rejects.toThrow('measured NaN for "speed"');
  await expect(run({}, 0)).rejects.toThrow('--rounds must be a whole number above 0');
});

test('a subject runs in a process of its own, and its last line is the measurement', async () => {
  using tree = temporaryTree({});
  const file = join(tree.root, 'subject.mjs');
  const measure = (text: string): Promise<Measurement> => {
    writeFileSync(file, text);
    return measureInFreshProcess({ name: 's', file: `file://${file}`, args: ['7'] }, bench);
  };
  const measured = await measure(
    "console.log('warming up'); console.log(JSON.stringify({ speed: Number(process.argv[2]), size: process.pid }));",
  );
  expect(measured['speed']).toBe(7);
  expect(measured['size']).not.toBe(process.pid);
  await expect(measure("console.error('no such thing'); process.exit(3);")).rejects.toThrow(
    'demo: s ended with 3\nno such thing',
  );
  await expect(measure("console.log('fast');")).rejects.toThrow('ended with "fast" instead of');
});

test('the median of an even number of values is the mean of the middle two', () => {
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spread([5])).toEqual({ median: 5, min: 5, max: 5 });
  expect([short(1234.5), short(12.345), short(0.012345), short(0)]).toEqual(['1235', '12.3', '0.0123', '0']);
});

test('names of benches and ids of rows are unique and stable words', () => {
  expect(BENCHES.map((each) => each.name)).toEqual([
    'context',
    'startup',
    'service',
    'call',
    'loop',
    'storm',
    'balancing',
    'routes',
    'policy',
    'store',
    'store-curve',
    'workflow',
    'gateway',
    'gateway-secured',
    'gateway-tls',
    'gateway-bulk',
    'gateway-private',
    'gateway-bulk-private',
    'gateway-routes',
    'gateway-cache',
    'gateway-latency',
    'gateway-held',
  ]);
  for (const each of BENCHES) {
    const ids = each.rows.map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  }
});

test('an unknown bench is refused with the names of the known ones', () => {
  const ended = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), 'contxt'], { encoding: 'utf8' });
  expect(ended.status).toBe(1);
  expect(ended.stderr).toContain('benches: context, startup, service, call');
});
