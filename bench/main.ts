// `npm run bench -- <name> [--json] [--rounds N]`

import { parseArgs } from 'node:util';
import { BENCHES } from './catalog.ts';
import { measureInFreshProcess } from './fresh-process.ts';
import { runBench } from './harness.ts';
import { describeMachine } from './machine.ts';
import { reportTable } from './table.ts';

const DEFAULT_ROUNDS = 5;
const USAGE = `usage: npm run bench -- <name> [--json] [--rounds N]\nbenches: ${BENCHES.map((each) => each.name).join(', ')}`;

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
  const bench = BENCHES.find((each) => each.name === positionals[0]);
  if (bench === undefined || positionals.length > 1) throw new Error(USAGE);
  const rounds = values.rounds === undefined ? (bench.rounds ?? DEFAULT_ROUNDS) : Number(values.rounds);
  const report = await runBench(bench, rounds, {
    measure: measureInFreshProcess,
    machine: describeMachine(),
    onRun: (subject, round) => console.error(`round ${round + 1} of ${rounds}: ${subject.name}`),
  });
  console.log(values.json ? JSON.stringify(report) : reportTable(report));
}
