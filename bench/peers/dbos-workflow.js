// Three steps with DBOS on the embedded Postgres with fsync on; a pool as large as ours, no telemetry.

import { DBOS } from '@dbos-inc/dbos-sdk';
import { STEPS, measureRuns } from '../events/runs.ts';
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

await DBOS.launch();
const measured = await measureRuns(async (workflowID, order) => {
  const handle = await DBOS.startWorkflow(checkout, { workflowID })(order);
  return handle.getResult();
});
await DBOS.shutdown();
console.log(JSON.stringify(measured));
