import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '@fairlead/core';
import { fail } from '../errors.ts';
import { includedFiles } from '../import/included-files.ts';
import { readAny } from '../import/read-any.ts';
import type { CompiledSnapshot } from './compiled-snapshot.ts';
import type { FilterKind } from './filter-kind.ts';
import { foundListeners } from './found-listeners.ts';
import { foundInvalid } from './read-snapshot.ts';

/** How a file is loaded. */
export interface LoadSnapshotOptions {
  readonly clock: Clock;
  /** What the file is called in problems and reports. Default: its path. */
  readonly origin?: string;
  /** What the file holds, for those who have read it. Default: it is read. */
  readonly text?: string;
  /** What another gateway's configuration may refer to. Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the filters that there are. */
  readonly kinds?: readonly FilterKind[];
}

/**
 * Loads a configuration of YAML or JSON, or another gateway's. Certificates and secrets that it names are looked for beside it; certificates are
 * tried.
 * @throws SNAPSHOT_UNREADABLE when there is no such file; SNAPSHOT_INVALID with everything that is wrong with it
 */
export async function loadSnapshot(file: string, options: LoadSnapshotOptions): Promise<CompiledSnapshot> {
  const path = resolve(file);
  const text = options.text ?? (await readConfiguration(file));
  const { origin = file, clock, kinds, env = process.env } = options;
  const { snapshot, locate } = await readAny(text, {
    origin,
    loadedAtMs: clock.now(),
    env,
    include: includedFiles(path),
    folder: dirname(path),
    ...(kinds === undefined ? {} : { kinds }),
  });
  const { listeners, problems } = await foundListeners(snapshot.listeners, dirname(path), clock);
  if (problems.length > 0) throw foundInvalid(origin, problems, locate);
  return { ...snapshot, listeners };
}

/**
 * What a file of a configuration holds.
 * @throws SNAPSHOT_UNREADABLE
 */
export function readConfiguration(file: string): Promise<string> {
  return readFile(resolve(file), 'utf8').catch((cause: unknown) => {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw fail('SNAPSHOT_UNREADABLE', `${file} can't be read (${why}). Give the path of a file of YAML or JSON.`, {
      cause,
    });
  });
}
