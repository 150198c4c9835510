import type { z } from 'zod';
import { assertCarriable } from './carriable.ts';
import { compiled } from './compiled.ts';
import { fail } from './errors.ts';
import { check, summarize } from './issues.ts';
import type { InputSchema } from './operation.ts';

/** What a job is given, as code writes it: members with defaults may be missing. */
export type JobInput<Schema extends InputSchema> = z.input<Schema>;

/** What a job is given, as its handler reads it. */
export type JobData<Schema extends InputSchema> = z.output<Schema>;

const schemaOf = compiled((schema: InputSchema) => schema);

/**
 * Checks that JSON can carry what a job is given. `place` names the job in the message.
 * @throws INVALID_CONTRACT
 */
export function assertJobInput(schema: InputSchema, place: string): void {
  if (schema?._zod?.def?.type !== 'object') throw fail('INVALID_CONTRACT', `${place}: input is not a z.object.`);
  assertCarriable(schema, `${place} input`);
}

/**
 * A job's input as a JSON value, with defaults filled in. Members that the schema does not list are left out.
 * @throws INVALID_JOB when it does not fit: a bug of whoever enqueues. `details.issues` says where
 */
export function encodeJob<Schema extends InputSchema>(place: string, schema: Schema, input: JobInput<Schema>): unknown {
  const checked = check(schemaOf(schema), input);
  // Through text, so that a member that is there but undefined is gone, as it will be for the handler.
  if (checked.kind === 'fits') return JSON.parse(JSON.stringify(checked.value));
  const { issues } = checked;
  throw fail('INVALID_JOB', `${place} was given what its input does not allow: ${summarize(issues)}.`, {
    details: { issues },
  });
}

/**
 * A job's input as its handler reads it: by the same schema, for it is the same service's own. Members that another version of
 * the code added are dropped.
 * @throws INVALID_JOB when it does not fit. `details.issues` says where
 */
export function decodeJob<Schema extends InputSchema>(place: string, schema: Schema, data: unknown): JobData<Schema> {
  const checked = check(schemaOf(schema), data);
  // It came out of the schema itself.
  if (checked.kind === 'fits') return checked.value as JobData<Schema>;
  const { issues } = checked;
  throw fail(
    'INVALID_JOB',
    `A job of ${place} holds what its input does not allow: ${summarize(issues)}. Another version of the code may have enqueued it.`,
    { details: { issues } },
  );
}
