import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@fairlead/core';
import { Fields } from '@fairlead/net';
import { loadSnapshot } from '@fairlead/proxy';
import { printMeasurement } from './measurement.ts';
import { nanosecondsPerCall } from './nanoseconds.ts';

const FEW = 10;
const MANY = 10_000;
/** Paths that are asked for by turns: more than a processor's nearest memory holds the way to. */
const HOT = 1_000;
const clock = realClock();

/** Half of the routes are prefixes, the others templates with a method and a header. */
function configuration(count: number): string {
  const routes = Array.from({ length: count }, (_, at) => {
    const area = `/area${at % 100}/service${Math.floor(at / 100)}`;
    return at % 2 === 0
      ? { name: `r${at}`, match: { path: area }, to: 'all' }
      : {
          name: `r${at}`,
          match: { path: { template: `${area}/items/:id` }, method: 'GET', headers: { 'x-ring': 'all' } },
          to: 'all',
        };
  });
  return JSON.stringify({ listeners: [{ name: 'a', address: ':0' }], clusters: { all: { endpoints: [] } }, routes });
}

async function loaded(folder: string, count: number) {
  const file = join(folder, `${count}.json`);
  writeFileSync(file, configuration(count));
  const began = clock.monotonic();
  const snapshot = await loadSnapshot(file, { clock });
  return { snapshot, loadMs: clock.monotonic() - began };
}

/** Nanoseconds to find one of `HOT` paths that are spread over a table of so many routes. */
async function findNs(folder: string, count: number): Promise<number> {
  const { snapshot } = await loaded(folder, count);
  const table = snapshot.listeners[0]?.table;
  if (table === undefined) throw new Error('there is no table');
  const asked = Array.from({ length: HOT }, (_, hot) => {
    const at = Math.floor((hot * count) / HOT);
    return {
      method: 'GET',
      path: `/area${at % 100}/service${Math.floor(at / 100)}/items/${hot}`,
      query: '',
      host: 'shop.test',
      fields: new Fields(['accept', '*/*', 'x-ring', 'all']),
      clientAddress: '192.0.2.1',
      isTls: false,
    };
  });
  let next = 0;
  return nanosecondsPerCall(() => {
    next = next + 1 === HOT ? 0 : next + 1;
    const facts = asked[next];
    return facts && table.find(facts);
  });
}

const folder = mkdtempSync(join(tmpdir(), 'bench-routes-'));
try {
  const few = await findNs(folder, FEW);
  const many = await findNs(folder, MANY);
  const { loadMs } = await loaded(folder, MANY);
  printMeasurement({ 'find-10-ns': few, 'find-10k-ns': many, 'added-10k-ns': many - few, 'load-10k-ms': loadMs });
} finally {
  rmSync(folder, { recursive: true });
}
