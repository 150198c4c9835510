import { measureJain, measureVictims, type Cost, type SchedulerMaker } from './fairness.ts';

const DURATION_MS = 60_000;

/**
 * The rows `fairness-*`: which share of the slots each of several tenants gets, and what a busy one does to the others.
 * @param capped makes the same scheduler with a cap of half the slots; leaves out the rows for that when there is none
 */
export async function fairnessRows(
  uncapped: SchedulerMaker,
  capped?: SchedulerMaker,
): Promise<Readonly<Record<string, number>>> {
  const rows: Record<string, number> = { 'fairness-jain': await measureJain(uncapped, DURATION_MS) };
  let rejected = 0;
  for (const [suffix, make] of [
    ['-capped', capped],
    ['', uncapped],
  ] as const) {
    if (make === undefined) continue;
    for (const cost of ['10ms', '200ms', 'tail'] as const satisfies readonly Cost[]) {
      const victims = await measureVictims(make, cost, DURATION_MS);
      rows[`fairness-victim-p99-${cost}${suffix}`] = victims.p99Ratio;
      rows[`fairness-used-${cost}${suffix}`] = victims.utilisation * 100;
      rejected += victims.rejected;
    }
  }
  return { ...rows, 'fairness-victims-rejected': rejected };
}
