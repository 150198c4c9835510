import { assertJobInput } from '@fairlead/contract';
import { queue } from '@fairlead/store';
import { DEFERRED_CALLS } from './deferred-calls.ts';
import type { ServiceDefinition } from './definition.ts';

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** What is wrong with the jobs of a definition, first of all; `undefined` when nothing is. */
export function firstJobProblem({ jobs = {}, deferredCalls, database }: ServiceDefinition): string | undefined {
  const entries = Object.entries(jobs);
  if (deferredCalls !== undefined && database === undefined)
    return 'deferredCalls are kept in a database. Add database: { migrations }.';
  if (deferredCalls !== undefined && Object.hasOwn(jobs, DEFERRED_CALLS))
    return `jobs["${DEFERRED_CALLS}"] is what deferredCalls is kept in. Choose another name.`;
  if (entries.length > 0 && database === undefined) return 'jobs are kept in a database. Add database: { migrations }.';
  try {
    if (deferredCalls !== undefined) queue(DEFERRED_CALLS, deferredCalls);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  for (const [name, definition] of entries) {
    if (!NAME.test(name)) return `jobs["${name}"]: a job is named by lower-case words with dashes between them.`;
    const { input, handle, ...options } = definition;
    if (typeof handle !== 'function') return `jobs["${name}"].handle is not a function. Write what does the job.`;
    try {
      assertJobInput(input, `jobs["${name}"]`);
      queue(name, options);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return undefined;
}
