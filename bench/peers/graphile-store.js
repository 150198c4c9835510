// The same with graphile-worker: four jobs at once from a local queue of 500, completions batched.

import { makeWorkerUtils, run, Logger } from 'graphile-worker';
import { storeBed } from '../store/bed.ts';
import { enqueueRate, JOBS, payloadOf, perSecond, WARM_UP } from '../store/jobs.ts';

await using bed = await storeBed();
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString: bed.url, logger });
await utils.migrate();
for (let from = 0; from < WARM_UP + JOBS; from += 1_000) {
  await utils.addJobs(
    Array.from({ length: 1_000 }, (_, index) => ({ identifier: 'order', payload: payloadOf(from + index) })),
  );
}
await bed.analyze();
let done = 0;
const all = Promise.withResolvers();
let startedAt = 0;
const runner = await run({
  connectionString: bed.url,
  logger,
  preset: {
    worker: {
      concurrentJobs: 4,
      maxPoolSize: 10,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
  taskList: {
    order: () => {
      done += 1;
      if (done === WARM_UP) startedAt = performance.now();
      if (done === WARM_UP + JOBS) all.resolve();
    },
  },
});
await all.promise;
// Its last completions are still on their way; they are given to it.
const four = perSecond(JOBS, startedAt);
await runner.stop();
const enqueue = await enqueueRate((index) => utils.addJob('order', payloadOf(index)));
await utils.release();
console.log(JSON.stringify({ 'jobs-4': four, enqueue }));
