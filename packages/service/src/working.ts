import { decodeJob, encodeJob } from '@fairlead/contract';
import type { Context } from '@fairlead/core';
import {
  cancelJob,
  enqueue,
  finishPart,
  gather,
  handle,
  partResult,
  queue,
  scatter,
  type HandledQueue,
  type Job,
  type Queue,
} from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import { withOpenTelemetry } from '@fairlead/telemetry/open-telemetry';
import type { ServiceDefinition } from './definition.ts';
import { fail } from './errors.ts';
import { commitTx, databaseOf, HandlerKit, type KitParts } from './handler-kit.ts';
import type { AnyJobKit, JobFacts } from './job-definition.ts';
import type { JobInputs, Jobs } from './jobs.ts';
import { observedJob } from './observed-job.ts';

/** What a service does with its own queues. */
export interface Working {
  readonly jobs: Jobs<JobInputs>;
  /** For the worker of this process. */
  readonly handled: readonly HandledQueue[];
}

interface Kind {
  readonly queue: Queue<unknown>;
  readonly place: string;
  readonly definition: NonNullable<ServiceDefinition['jobs']>[string];
}

/** The jobs of a definition as queues with handlers; `undefined` when it has none. */
export function working(
  definition: ServiceDefinition,
  partsOf: () => KitParts,
  telemetry: Telemetry,
): Working | undefined {
  const { contract, jobs = {} } = definition;
  const kinds = new Map(
    Object.entries(jobs).map(([name, { input: _input, handle: _handle, ...options }]): [string, Kind] => {
      // Every name of `jobs` has a definition.
      const own = jobs[name] as Kind['definition'];
      return [name, { queue: queue(name, options), place: `${contract.name}.${name}`, definition: own }];
    }),
  );
  if (kinds.size === 0) return undefined;

  function kindOf(name: string): Kind {
    const found = kinds.get(name);
    if (found !== undefined) return found;
    throw fail('MISCONFIGURED', `${contract.name} has no job "${name}". It has ${[...kinds.keys()].join(', ')}.`);
  }
  const encoded = ({ place, definition: { input } }: Kind, given: unknown): unknown =>
    // encodeJob checks it, whatever its type.
    encodeJob(place, input, given as Record<string, unknown>);

  return {
    jobs: {
      async enqueue(tx, name, input, options) {
        const kind = kindOf(name);
        return enqueue(tx, kind.queue, encoded(kind, input), options);
      },
      async scatter(tx, name, inputs, { then, input, ...options }) {
        const [kind, last] = [kindOf(name), kindOf(then)];
        const targets = inputs.map((each) => encoded(kind, each));
        return scatter(tx, kind.queue, targets, { ...options, then: last.queue, payload: encoded(last, input) });
      },
      gather: (tx, id) => gather(tx, id),
      cancel: (tx, id) => cancelJob(tx, id),
    },
    handled: [...kinds.values()].map((kind) =>
      handle(
        kind.queue,
        observedJob(telemetry, kind.place, (ctx, job) => run(partsOf(), kind, ctx, job)),
      ),
    ),
  };
}

/** One attempt. What the handler commits ends the job; otherwise its resolving does. */
async function run(parts: KitParts, { place, definition }: Kind, ctx: Context, job: Job<unknown>): Promise<void> {
  const input = decodeJob(place, definition.input, job.payload);
  const database = databaseOf(parts);
  let asked = false;
  let committed = false;
  const commit: AnyJobKit['commit'] = async (work) => {
    if (asked) throw fail('COMMIT_TWICE', `${place} called kit.commit twice. Do all its writes in one call.`);
    asked = true;
    const result = await database.tx(ctx, async (tx) => {
      await job.complete(tx);
      const value = await work(commitTx(parts, tx));
      await partResult(tx, job, value);
      return value;
    });
    committed = true;
    return result;
  };
  const kit: AnyJobKit = new JobHandlerKit(parts, ctx, place, commit, job);
  try {
    const result = await withOpenTelemetry(ctx, () => definition.handle(ctx, input, kit));
    if (!asked && job.parent !== undefined) await database.tx(ctx, (tx) => finishPart(tx, job, result));
  } catch (error) {
    if (!committed) throw error;
    parts.log.error(ctx, `${place} threw after its commit; the job stays done`, { error, job: job.id });
  }
}

class JobHandlerKit extends HandlerKit<AnyJobKit['commit']> implements AnyJobKit {
  readonly job: JobFacts;

  constructor(parts: KitParts, ctx: Context, work: string, commit: AnyJobKit['commit'], job: JobFacts) {
    super(parts, ctx, work, commit);
    this.job = job;
  }
}
