// `npm run bench -- <name> … [--json] [--rounds N]`

import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { BENCHES } from './catalog.ts';
import { measureInFreshProcess } from './fresh-process.ts';
import { runBench } from './harness.ts';
import { describeMachine } from './machine.ts';
import { installPeers } from './peers.ts';
import { reportTable } from './table.ts';

const DEFAULT_ROUNDS = 5;
const USAGE = `usage: npm run bench -- <name> … [--json] [--rounds N]\nbenches: ${BENCHES.map((each) => each.name).join(', ')}`;

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  });
  const benches = positionals.map((name) => BENCHES.find((each) => each.name === name));
  if (benches.length === 0 || benches.includes(undefined)) throw new Error(USAGE);
  for (const bench of benches) if (bench !== undefined) await run(bench, values);
}

async function run(
  bench: Bench,
  values: { readonly json: boolean; readonly rounds?: string | undefined },
): Promise<void> {
  const rounds = values.rounds === undefined ? (bench.rounds ?? DEFAULT_ROUNDS) : Number(values.rounds);
  if (bench.needsPeers === true) installPeers();
  const report = await runBench(bench, rounds, {
    measure: measureInFreshProcess,
    machine: describeMachine(),
    onRun: (subject, round) => console.error(`${bench.name}, round ${round + 1} of ${rounds}: ${subject.name}`),
  });
  console.log(values.json ? JSON.stringify(report) : reportTable(report));
}
