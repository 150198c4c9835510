// Three steps with DBOS on the embedded Postgres with fsync on; a pool as large as ours, no telemetry.

import { DBOS } from '@dbos-inc/dbos-sdk';
import { STEPS, measureRuns } from '../events/runs.ts';
import { sleepingMiB } from '../events/sleepers.ts';
import { storeBed } from '../store/bed.ts';

await using bed = await storeBed();
DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: bed.url,
  systemDatabasePoolSize: 10,
  logLevel: 'error',
  tracingEnabled: false,
});

const checkout = DBOS.registerWorkflow(
  async (order) => {
    await DBOS.runStep(async () => STEPS.reserve(order), { name: 'reserve' });
    await DBOS.runStep(async () => STEPS.charge(order), { name: 'charge' });
    return DBOS.runStep(async () => STEPS.confirm(order), { name: 'confirm' });
  },
  { name: 'checkout' },
);

const nap = DBOS.registerWorkflow(
  async (order) => {
    await DBOS.runStep(async () => STEPS.reserve(order), { name: 'reserve' });
    await DBOS.sleep(3 * 24 * 3_600_000);
    return DBOS.runStep(async () => STEPS.confirm(order), { name: 'confirm' });
  },
  { name: 'nap' },
);

await DBOS.launch();
const sleeping = await sleepingMiB(
  (workflowID, order) => DBOS.startWorkflow(nap, { workflowID })(order),
  async () => {
    // Each has written the step before its sleep, and then the sleep.
    for (;;) {
      const asleep = await DBOS.listWorkflows({ workflowName: 'nap', status: 'PENDING', limit: 1, offset: 9_999 });
      if (asleep.length === 1) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  },
);
const measured = await measureRuns(async (workflowID, order) => {
  const handle = await DBOS.startWorkflow(checkout, { workflowID })(order);
  return handle.getResult();
});
console.log(JSON.stringify({ ...measured, 'sleeping-10k-mib': sleeping }));
// Its workflows sleep for three days.
process.exit();
