// Workflows whose process is killed, and what another one makes of them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import { EFFECTS, shipping } from './shipments.ts';

const RUNS = 1_000;
const DOOMED = fileURLToPath(new URL('./doomed-process.ts', import.meta.url));

/**
 * Seconds from `kill -9` of the process that has 1 000 workflows under way until another one has completed them all, and how
 * many effects of their transactions are missing or there twice.
 */
export async function recovering(
  database: Database,
  url: string,
  ctx: Context,
): Promise<Record<'recovery-seconds' | 'recovery-wrong-effects', number>> {
  await database.query(ctx, EFFECTS);
  const doomed = spawn(process.execPath, ['--conditions=@fairlead/source', DOOMED, url, String(RUNS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(doomed.stdout, 'data');
  await using heirs = shipping(database, 0);
  const killedAt = performance.now();
  doomed.kill('SIGKILL');
  const ids = Array.from({ length: RUNS }, (_, index) => `shipment-${index + 1}`);
  const outcomes = await Promise.all(ids.map((id) => heirs.running.result(ctx, 'shipment', id)));
  const seconds = (performance.now() - killedAt) / 1_000;
  const lost = outcomes.filter(({ kind }) => kind !== 'completed').length;
  const { rows } = await database.query<{ wrong: string }>(
    ctx,
    `select count(*) as wrong from (select unnest($1::text[]) as run) runs cross join unnest(array['reserve', 'charge', 'confirm']) as steps (step)
      where (select count(*) from effect where effect.run = runs.run and effect.step = steps.step) <> 1`,
    [ids],
  );
  return { 'recovery-seconds': seconds, 'recovery-wrong-effects': lost + Number(rows[0]?.wrong) };
}
