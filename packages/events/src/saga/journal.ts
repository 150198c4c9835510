import type { JournalRecord } from './saga-types.ts';

/** What a saga's function can ask for and wait for. */
export type CallKind = 'step' | 'transaction' | 'sleep' | 'signal' | 'child';

/**
 * What a journal records. A call's own kind is its end. `…-begun`: what it waits for is set, for `until` at the latest.
 * `patch`: changed code was taken. `cancel`: everything that was waited for failed from here on. `fail`: the function has
 * failed, undos follow. `undo`: one of them is done.
 */
export type RecordKind =
  | CallKind
  | 'sleep-begun'
  | 'signal-begun'
  | 'child-begun'
  | 'patch'
  | 'cancel'
  | 'fail'
  | 'undo';

/** A record as the engine writes it. */
export interface SagaRecord extends JournalRecord {
  readonly kind: RecordKind;
  /** Which signal was taken. */
  readonly from?: string;
}

/** What tells calls of one run apart, whatever their order. */
export function callKey(kind: CallKind, name: string, occurrence: number): string {
  return `${kind} ${name} #${occurrence}`;
}

/** The call that a record is about; `undefined` for those that are about none. */
export function calledBy({ kind, name, occurrence }: JournalRecord): string | undefined {
  if (kind === 'patch' || kind === 'cancel' || kind === 'fail' || kind === 'undo') return undefined;
  // The rest are kinds of calls and the same with an ending.
  return callKey(kind.replace(/-begun$/, '') as CallKind, name, occurrence);
}

const SHOWN_BEFORE = 8;
const SHOWN_AFTER = 4;

/** A journal beside what the code asks for at its record number `at`, for people. */
export function difference(
  journal: readonly JournalRecord[],
  at: number,
  asked: readonly string[],
  ended: string | undefined,
): string {
  const from = Math.max(0, at - SHOWN_BEFORE);
  const lines = journal.slice(from, at + SHOWN_AFTER).map((record, index) => {
    const number = from + index;
    const mark = number < at ? '  ' : number === at ? '- ' : '? ';
    return `${mark}${number + 1}. ${record.kind} ${record.name} #${record.occurrence}`;
  });
  if (from > 0) lines.unshift(`  … ${from} before`);
  const instead =
    asked.length > 0
      ? asked.map((call) => `+ ${call}`)
      : [`+ ${ended === undefined ? '(nothing: it waits for something else)' : `(${ended})`}`];
  lines.splice(at - from + (from > 0 ? 1 : 0) + 1, 0, ...instead);
  return lines.join('\n');
}
