// `npm run test:soak`: the gateway under mixed load. FAIRLEAD_SOAK_MINUTES: for how long, default 60.
// FAIRLEAD_SOAK_SLOWNESS: by how much clients pause longer, for a machine that has other work too; default 1.
// FAIRLEAD_SOAK_LEAK=1 makes the gateway keep every request, to see that this is noticed.
import { faultsOf, soak } from './soak.ts';

const minutes = Number(process.env['FAIRLEAD_SOAK_MINUTES'] ?? 60);
if (!(minutes > 0)) throw new Error('FAIRLEAD_SOAK_MINUTES must be a number above 0.');
const slowness = Number(process.env['FAIRLEAD_SOAK_SLOWNESS'] ?? 1);
if (!(slowness > 0)) throw new Error('FAIRLEAD_SOAK_SLOWNESS must be a number above 0.');
const report = await soak({
  minutes,
  slowness,
  leaks: process.env['FAIRLEAD_SOAK_LEAK'] !== undefined,
  onSample: (text) => process.stderr.write(`${text}\n`),
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const faults = faultsOf(report);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
