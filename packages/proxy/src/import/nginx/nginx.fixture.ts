import { FairleadError } from '@fairlead/core';
import type { SnapshotProblem } from '../../snapshot/snapshot-problem.ts';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../../snapshot/read-snapshot.ts';
import type { Imported } from '../imported.ts';
import { importNginx } from './import-nginx.ts';

/** Files that others take in, by the path that they are named by. */
export type Files = Readonly<Record<string, string>>;

/** Imports a text as `nginx.conf`, which must then be one of ours. */
export function imported(text: string, files: Files = {}): Imported {
  const read = importNginx(text, originOf(files));
  snapshotFrom(read.written, { origin: 'nginx.conf', loadedAtMs: 0, kinds: FILTER_KINDS }, (place) =>
    read.locate(place),
  );
  return read;
}

/** What is wrong with a text: `line: directive: reason`. */
export function problemsOf(text: string, files: Files = {}): readonly string[] {
  try {
    imported(text, files);
    return [];
  } catch (error) {
    if (!(error instanceof FairleadError) || error.code !== 'SNAPSHOT_INVALID') throw error;
    // `as`: what SNAPSHOT_INVALID carries.
    const problems = error.details['problems'] as readonly SnapshotProblem[];
    return problems.map(({ line, path, message }) => `${line}: ${path === '' ? '' : `${path}: `}${message}`);
  }
}

/** A server with this inside, whose first line is line 2. */
export function serverWith(inside: string, outside = ''): string {
  return `server { listen 8080;\n${inside}\n}\n${outside}`;
}

function originOf(files: Files) {
  return {
    file: 'nginx.conf',
    env: {},
    include: (path: string) => {
      const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
      return Object.keys(files)
        .filter((name) => pattern.test(name))
        .toSorted()
        .map((file) => ({ file, text: files[file] ?? '' }));
    },
  };
}
