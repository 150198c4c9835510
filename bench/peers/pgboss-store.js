// The same with pg-boss: batches fetched and completed by loops of our own, which is faster than its polling workers; no
// supervision meanwhile; queue by its standard policy.

import { PgBoss } from 'pg-boss';
import { storeBed } from '../store/bed.ts';
import { BATCH, enqueueRate, JOBS, payloadOf, perSecond, WARM_UP } from '../store/jobs.ts';

await using bed = await storeBed();
const boss = new PgBoss({ connectionString: bed.url, max: 10, supervise: false, schedule: false });
boss.on('error', (error) => console.error(error));
await boss.start();

const rateWith = async (workers) => {
  const queue = `orders-${workers}`;
  await boss.createQueue(queue);
  for (let from = 0; from < WARM_UP + JOBS; from += 1_000) {
    await boss.insert(
      queue,
      Array.from({ length: 1_000 }, (_, index) => ({ data: payloadOf(from + index) })),
    );
  }
  await bed.analyze();
  let startedAt = 0;
  let done = 0;
  let before = 0;
  const work = async () => {
    for (;;) {
      const jobs = await boss.fetch(queue, { batchSize: BATCH });
      if (jobs.length === 0) return;
      await boss.complete(
        queue,
        jobs.map(({ id }) => id),
      );
      done += jobs.length;
      if (startedAt > 0 || done < WARM_UP) continue;
      startedAt = performance.now();
      before = done;
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  if (done !== WARM_UP + JOBS) throw new Error(`${done} jobs of ${WARM_UP + JOBS} were done`);
  return perSecond(done - before, startedAt);
};

const one = await rateWith(1);
const four = await rateWith(4);
await boss.createQueue('single');
const enqueue = await enqueueRate((index) => boss.send('single', payloadOf(index)));
await boss.stop({ graceful: false });
console.log(JSON.stringify({ 'jobs-1': one, 'jobs-4': four, enqueue }));
