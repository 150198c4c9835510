import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fail } from '../errors.ts';
import type { ImportOrigin } from './imported.ts';

/** The files that a configuration takes in, relative to its own. */
export function includedFiles(file: string): ImportOrigin['include'] {
  const folder = dirname(file);
  return (path) => {
    const whole = resolve(folder, path);
    const found = /[*?[]/.test(whole) ? globSync(whole).toSorted() : [whole];
    return found.map((each) => ({ file: relative(folder, each), text: readText(each, path) }));
  };
}

function readText(file: string, path: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw fail('SNAPSHOT_UNREADABLE', `${path}, which the configuration takes in, can't be read (${why}).`, { cause });
  }
}
