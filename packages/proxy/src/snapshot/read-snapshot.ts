// A configuration, from text to what the engine runs:
//   read-snapshot.ts      load-snapshot.ts (from a file)   the way through
//   source-text.ts        YAML and JSON, and where in them something stands; repeated-key.ts
//   snapshot-form.ts      what may be written, in zod: listener-form.ts, match-form.ts, cluster-form.ts, policy-form.ts,
//                         filter-form.ts with kind-table.ts; names.ts, quantities.ts
//   shape-problems.ts     zod's issues as sentences; reference-problems.ts, what only the whole can tell
//   compile.ts            compiled-snapshot.ts   what the engine runs; describe-snapshot.ts says it to people
//   json-schema.ts        the same form for editors
import type { FairleadError } from '@fairlead/core';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { CompiledSnapshot } from './compiled-snapshot.ts';
import { compileSnapshot, type SnapshotOrigin } from './compile.ts';
import type { FilterKind } from './filter-kind.ts';
import { invalidSnapshot } from './invalid-snapshot.ts';
import { referenceProblems } from './reference-problems.ts';
import { issueMessage, shapeProblems } from './shape-problems.ts';
import { snapshotForm, type ReadSnapshot } from './snapshot-form.ts';
import { formatPlace, type Place, type PlacedProblem, type SnapshotProblem } from './snapshot-problem.ts';
import { readSource, type SourceText, type TextPosition } from './source-text.ts';

/** What reading needs to know besides the text. */
export interface ReadSnapshotOptions extends SnapshotOrigin {
  /** Those that it may have; `kindsIn` loads those that it has. */
  readonly kinds: readonly FilterKind[];
  /** Types of all that there are, to be told. Default: those of `kinds`. */
  readonly types?: readonly string[];
}

/**
 * Reads a configuration of YAML or JSON and compiles it.
 * @throws SNAPSHOT_INVALID with everything that is wrong; `details.problems` is `[{ path, message, line, column }]`
 */
export function readSnapshot(text: string, options: ReadSnapshotOptions): CompiledSnapshot {
  return snapshotIn(readSource(text), options);
}

/**
 * The same of a text that has been read.
 * @throws SNAPSHOT_INVALID
 */
export function snapshotIn(source: SourceText, options: ReadSnapshotOptions): CompiledSnapshot {
  if (source.kind === 'malformed') {
    throw invalidSnapshot(
      options.origin,
      source.faults.map((fault) => ({ path: '', ...fault })),
    );
  }
  const { problems, read } = checked(source.value, options);
  if (read !== undefined) return compiled(read, source.value, options);
  throw invalidSnapshot(options.origin, problems.map(locatedBy(source)));
}

/** What is found to be wrong with a text when it has been read, by its lines. */
export function foundInvalid(
  origin: string,
  problems: readonly PlacedProblem[],
  locate: (place: Place, isKey?: boolean) => TextPosition | undefined,
): FairleadError {
  const located = problems.map(({ place, isKey, message }): SnapshotProblem => {
    const at = locate(place, isKey);
    return { path: formatPlace(place), message, line: at?.line, column: at?.column };
  });
  return invalidSnapshot(origin, located);
}

function locatedBy(source: SourceText): (problem: PlacedProblem) => SnapshotProblem {
  const nowhere = { line: undefined, column: undefined };
  return ({ place, isKey = false, message }) => ({
    path: formatPlace(place),
    message,
    ...(source.kind === 'read' ? source.locate(place, isKey) : nowhere),
  });
}

/**
 * The same of a configuration that code has made; `locate` says where a part of it was written, if it was.
 * @throws SNAPSHOT_INVALID
 */
export function snapshotFrom(
  written: unknown,
  options: ReadSnapshotOptions,
  locate: (place: Place) => TextPosition | undefined = () => undefined,
): CompiledSnapshot {
  const { problems, read } = checked(written, options);
  if (read !== undefined) return compiled(read, written, options);
  throw invalidSnapshot(
    options.origin,
    problems.map(({ place, message }) => ({
      path: formatPlace(place),
      message,
      line: locate(place)?.line,
      column: locate(place)?.column,
    })),
  );
}

function compiled(read: ReadSnapshot, written: unknown, options: ReadSnapshotOptions): CompiledSnapshot {
  return { ...compileSnapshot(read, options, placing(options)), kinds: options.kinds, written };
}

/** Puts the files that filters name where they are, also those of filters within others. */
function placing({ kinds, folder }: ReadSnapshotOptions): (filter: FilterSpec) => FilterSpec {
  if (folder === undefined) return (filter) => filter;
  const placed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(placed);
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    const kind = 'type' in value ? kinds.find(({ type }) => type === value.type) : undefined;
    const own = kind?.beside?.(value, folder) ?? value;
    return Object.fromEntries(Object.entries(own).map(([name, member]) => [name, placed(member)]));
  };
  // `as`: a kind gives back options of its own.
  return (filter) => placed(filter) as FilterSpec;
}

interface Checked {
  readonly problems: readonly PlacedProblem[];
  /** There when there are no problems. */
  readonly read: ReadSnapshot | undefined;
}

const forms = new WeakMap<readonly FilterKind[], ReturnType<typeof snapshotForm>>();

function checked(written: unknown, { kinds, types }: ReadSnapshotOptions): Checked {
  const form = forms.get(kinds) ?? snapshotForm(kinds, types);
  forms.set(kinds, form);
  const result = form.safeParse(written, { error: issueMessage });
  const problems = [
    ...(result.success ? [] : shapeProblems(result.error.issues)),
    ...referenceProblems(written, kinds),
  ];
  return { problems, read: result.success && problems.length === 0 ? result.data : undefined };
}
