// A configuration, from text to what the engine runs:
//   read-snapshot.ts      load-snapshot.ts (from a file)   the way through
//   source-text.ts        YAML and JSON, and where in them something stands; repeated-key.ts
//   snapshot-form.ts      what may be written, in zod: listener-form.ts, match-form.ts, cluster-form.ts, policy-form.ts,
//                         filter-form.ts with filter-kinds.ts; names.ts, quantities.ts
//   shape-problems.ts     zod's issues as sentences; reference-problems.ts, what only the whole can tell
//   compile.ts            compiled-snapshot.ts   what the engine runs; describe-snapshot.ts says it to people
//   json-schema.ts        the same form for editors
import type { CompiledSnapshot } from './compiled-snapshot.ts';
import { compileSnapshot, type SnapshotOrigin } from './compile.ts';
import { FILTER_KINDS } from './filter-kinds.ts';
import type { FilterKind } from './filter-kind.ts';
import { fail } from '../errors.ts';
import { referenceProblems } from './reference-problems.ts';
import { issueMessage, shapeProblems } from './shape-problems.ts';
import { snapshotForm, type ReadSnapshot } from './snapshot-form.ts';
import { formatPlace, problemLine, type PlacedProblem, type SnapshotProblem } from './snapshot-problem.ts';
import { readSource } from './source-text.ts';

/** What reading needs to know besides the text. */
export interface ReadSnapshotOptions extends SnapshotOrigin {
  /** Default: `FILTER_KINDS`. */
  readonly kinds?: readonly FilterKind[];
}

/**
 * Reads a configuration of YAML or JSON and compiles it.
 * @throws SNAPSHOT_INVALID with everything that is wrong; `details.problems` is `[{ path, message, line, column }]`
 */
export function readSnapshot(text: string, options: ReadSnapshotOptions): CompiledSnapshot {
  const source = readSource(text);
  if (source.kind === 'malformed') {
    throw invalid(
      options.origin,
      source.faults.map((fault) => ({ path: '', ...fault })),
    );
  }
  const { problems, read } = checked(source.value, options.kinds ?? FILTER_KINDS);
  if (read !== undefined) return compileSnapshot(read, options);
  const placed = problems.map(({ place, isKey = false, message }): SnapshotProblem => ({
    path: formatPlace(place),
    message,
    ...source.locate(place, isKey),
  }));
  throw invalid(
    options.origin,
    placed.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)),
  );
}

/**
 * The same of a configuration that code has made.
 * @throws SNAPSHOT_INVALID
 */
export function snapshotOf(written: unknown, options: ReadSnapshotOptions): CompiledSnapshot {
  const { problems, read } = checked(written, options.kinds ?? FILTER_KINDS);
  if (read !== undefined) return compileSnapshot(read, options);
  throw invalid(
    options.origin,
    problems.map(({ place, message }) => ({ path: formatPlace(place), message, line: undefined, column: undefined })),
  );
}

interface Checked {
  readonly problems: readonly PlacedProblem[];
  /** There when there are no problems. */
  readonly read: ReadSnapshot | undefined;
}

const forms = new WeakMap<readonly FilterKind[], ReturnType<typeof snapshotForm>>();

function checked(written: unknown, kinds: readonly FilterKind[]): Checked {
  const form = forms.get(kinds) ?? snapshotForm(kinds);
  forms.set(kinds, form);
  const result = form.safeParse(written, { error: issueMessage });
  const problems = [
    ...(result.success ? [] : shapeProblems(result.error.issues)),
    ...referenceProblems(written, kinds),
  ];
  return { problems, read: result.success && problems.length === 0 ? result.data : undefined };
}

function invalid(origin: string, problems: readonly SnapshotProblem[]) {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${problemLine(origin, problem)}`);
  return fail('SNAPSHOT_INVALID', `${origin} has ${count}:\n${lines.join('\n')}`, { details: { origin, problems } });
}
