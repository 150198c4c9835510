import { FairleadError, type Clock } from '@fairlead/core';
import { redaction } from '@fairlead/telemetry';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import type { FollowEvent } from '../snapshot/follow-snapshot.ts';
import { isOpenPlace } from './shown-config.ts';

/** Why a configuration was refused. */
export interface RefusalReason {
  readonly code: string;
  readonly message: string;
  readonly problems: readonly {
    readonly path: string;
    readonly message: string;
    readonly line?: number;
    readonly column?: number;
  }[];
}

/** What became of a configuration that was tried. */
export interface Swap {
  /** On the wall clock, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly kind: 'started' | 'taken' | 'same' | 'refused';
  readonly hash?: string;
  readonly routes?: number;
  readonly reason?: RefusalReason;
}

/** What became of the configurations of a process. */
export interface SwapHistory {
  /** For `followSnapshot`. */
  note(event: FollowEvent): void;
  /** The oldest first. */
  readonly swaps: readonly Swap[];
}

/** How many are kept; the beginning always is. */
const MOST = 50;

/** Begins with what was started. */
export function swapHistory(started: CompiledSnapshot, clock: Clock): SwapHistory {
  const taken = (kind: 'started' | 'taken', { hash, routes }: CompiledSnapshot): Swap => ({
    atMs: clock.now(),
    kind,
    hash,
    routes: routes.length,
  });
  const swaps: Swap[] = [taken('started', started)];
  return {
    swaps,
    note(event) {
      if (event.kind === 'taken') swaps.push(taken('taken', event.snapshot));
      else if (event.kind === 'same') swaps.push({ atMs: clock.now(), kind: 'same' });
      else swaps.push({ atMs: clock.now(), kind: 'refused', reason: reasonOf(event.error) });
      if (swaps.length > MOST) swaps.splice(1, 1);
    },
  };
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
const shapes = redaction([], []);

/**
 * Why it was refused, as anybody may know it: what a problem quotes is left out, unless it stands where nothing is secret. Failures of
 * other kinds, whose words are anybody's, are told by their code.
 */
function reasonOf(error: unknown): RefusalReason {
  if (!(error instanceof FairleadError)) return { code: 'INTERNAL', message: 'The log says why.', problems: [] };
  const { code, message } = error;
  if (code !== 'SNAPSHOT_INVALID') {
    const isOurs = code === 'SNAPSHOT_UNREADABLE' || code === 'UNAVAILABLE' || code === 'MISCONFIGURED';
    return { code, message: isOurs ? shapes.text(message.replace(QUOTED, '"…"')) : 'The log says why.', problems: [] };
  }
  const problems = problemsOf(error.details['problems']).map(({ path, message: text, line, column }) => ({
    path,
    message: isOpenPlace(path) ? shapes.text(text) : text.replace(QUOTED, '"…"'),
    ...(typeof line === 'number' ? { line } : {}),
    ...(typeof column === 'number' ? { column } : {}),
  }));
  const words = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return { code, message: `The configuration has ${words}.`, problems };
}

interface AnyProblem {
  readonly path: string;
  readonly message: string;
  readonly line: unknown;
  readonly column: unknown;
}

function problemsOf(value: unknown): readonly AnyProblem[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null || !('path' in each) || !('message' in each)) return [];
    const line = 'line' in each ? each.line : undefined;
    const column = 'column' in each ? each.column : undefined;
    return { path: String(each.path), message: String(each.message), line, column };
  });
}
