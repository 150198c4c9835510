import type { z } from 'zod';
import type { ImportReport } from '../snapshot/compiled-snapshot.ts';
import type { snapshotForm } from '../snapshot/snapshot-form.ts';
import type { Place } from '../snapshot/snapshot-problem.ts';
import type { TextPosition } from '../snapshot/source-text.ts';

/** A configuration of ours, as people write it. */
export type WrittenSnapshot = z.input<ReturnType<typeof snapshotForm>>;

/** A configuration of another gateway as ours. */
export interface Imported extends ImportReport {
  /** As people write ours. */
  readonly written: WrittenSnapshot;
  /** Where the part of `written` at this place comes from in the imported text; `undefined` when nobody wrote it there. */
  locate(place: Place): TextPosition | undefined;
}

/** A file that another takes in. */
export interface IncludedFile {
  /** As people are told of it. */
  readonly file: string;
  readonly text: string;
}

/** What an importer knows besides the text. */
export interface ImportOrigin {
  /** What the file is called in problems and notes. */
  readonly file: string;
  /** What references to the environment are resolved from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * The files that a path names, which may have `*`, relative to the imported file; in order of their names, none when there
   * are none. @throws SNAPSHOT_UNREADABLE when one can't be read
   */
  include(path: string): readonly IncludedFile[];
}

/**
 * Reads a configuration of another gateway as one of ours.
 * @throws SNAPSHOT_INVALID with everything that has no place here, as `readSnapshot` does: each with its line and the reason
 */
export type Importer = (text: string, origin: ImportOrigin) => Imported;
