import type { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import { problemLine, type SnapshotProblem } from './snapshot-problem.ts';

/** The error `SNAPSHOT_INVALID` of these problems, in the order of their lines. */
export function invalidSnapshot(origin: string, found: readonly SnapshotProblem[]): FairleadError {
  const problems = found.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${problemLine(origin, problem)}`);
  return fail('SNAPSHOT_INVALID', `${origin} has ${count}:\n${lines.join('\n')}`, { details: { origin, problems } });
}
