import { assertJobInput } from '@fairlead/contract';
import { queue } from '@fairlead/store';
import type { ServiceDefinition } from './definition.ts';

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** What is wrong with the jobs of a definition, first of all; `undefined` when nothing is. */
export function firstJobProblem({ jobs = {}, database }: ServiceDefinition): string | undefined {
  const entries = Object.entries(jobs);
  if (entries.length > 0 && database === undefined) return 'jobs are kept in a database. Add database: { migrations }.';
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
