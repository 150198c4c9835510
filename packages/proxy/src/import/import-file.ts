import { resolve } from 'node:path';
import type { ImportNote } from '../snapshot/compiled-snapshot.ts';
import { snapshotOf } from '../snapshot/snapshot-of.ts';
import { readConfiguration } from '../snapshot/load-snapshot.ts';
import { fail } from '../errors.ts';
import { includedFiles } from './included-files.ts';
import { importAny } from './read-any.ts';
import { writtenText } from './written-text.ts';

/** A configuration of another gateway, written as one of ours. */
export interface ImportedFile {
  /** The gateway that it was written for, as people call it. */
  readonly of: string;
  /** YAML, with comments that say what is otherwise, and where each part comes from. */
  readonly text: string;
  /** What `text` holds. */
  readonly written: unknown;
  readonly notes: readonly ImportNote[];
}

/** How a file is imported. */
export interface ImportFileOptions {
  /** What the file is called in problems and comments. Default: its path. */
  readonly origin?: string;
  /** What it may refer to. Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Writes a configuration of Kong or nginx as one of ours.
 * @throws SNAPSHOT_UNREADABLE when there is no such file; SNAPSHOT_INVALID with everything that has no place here, and when it is
 * one of ours already
 */
export async function importFile(
  file: string,
  { origin = file, env = process.env }: ImportFileOptions = {},
): Promise<ImportedFile> {
  const imported = await importAny(await readConfiguration(file), {
    file: origin,
    env,
    include: includedFiles(resolve(file)),
  });
  if (imported === undefined)
    throw fail('SNAPSHOT_INVALID', `${origin} is a configuration of Fairlead already; there is nothing to import.`);
  // What can't be run is not written.
  await snapshotOf(imported.written, { origin, loadedAtMs: 0 }, (place) => imported.locate(place));
  const { of, notes, written } = imported;
  return { of, notes, written, text: writtenText(imported, origin) };
}
