import { FairleadError } from '@fairlead/core';
import type { JobHandler } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';

/** A span below the one that enqueued the job, rate, errors and duration by queue, and a line on failure. */
export function observedJob(telemetry: Telemetry, place: string, work: JobHandler<unknown>): JobHandler<unknown> {
  const red = telemetry.metrics.red({ kind: 'job' });
  return async (outer, job) => {
    const name = job.queue;
    const beganMs = outer.clock.monotonic();
    let outcome = 'ok';
    const attributes = {
      'messaging.system': 'fairlead',
      'messaging.operation.type': 'process',
      'messaging.destination.name': name,
      'messaging.message.id': job.id,
      'fairlead.job.attempt': job.attempt,
      'fairlead.job.key': job.key,
    };
    try {
      await telemetry.tracer.span(outer, { name: `job ${name}`, kind: 'consumer', attributes }, async (ctx) => {
        try {
          await work(ctx, job);
        } catch (error) {
          outcome = error instanceof FairleadError ? error.code : 'INTERNAL';
          const facts = { job: job.id, attempt: job.attempt, maxAttempts: job.maxAttempts, key: job.key };
          telemetry.log.warn(ctx, `job ${place} failed`, { code: outcome, ...facts, error });
          throw error;
        }
      });
    } finally {
      red.observe({ labels: { queue: name }, outcome, durationMs: outer.clock.monotonic() - beganMs });
    }
  };
}
