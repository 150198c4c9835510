import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../errors.ts';

/** Where a secret is, which never stands in a configuration itself. */
export const secretSchema = z.union([
  z.strictObject({ file: z.string().min(1).describe('A file that holds nothing else. Relative to this file.') }),
  z.strictObject({ env: z.string().min(1).describe('The name of an environment variable.') }),
]);

/** As `secretSchema` reads it. */
export type SecretPlace = z.output<typeof secretSchema>;

/** The same place, with a file looked for in `folder`. */
export function secretBeside(place: SecretPlace, folder: string): SecretPlace {
  return 'file' in place ? { file: resolve(folder, place.file) } : place;
}

/**
 * Reads a secret; a line's end behind it doesn't belong to it.
 * @throws SNAPSHOT_INVALID when there is none; the message says where it should be, and nothing of what is there
 */
export function readSecret(place: SecretPlace, what: string): string {
  const text = 'file' in place ? textOf(place.file, what) : process.env[place.env];
  const secret = text?.replace(/\r?\n$/, '') ?? '';
  if (secret !== '') return secret;
  const where = 'file' in place ? `The file ${place.file}` : `The environment variable ${place.env}`;
  throw fail('SNAPSHOT_INVALID', `${where}, which should hold ${what}, is empty. Write it there.`);
}

function textOf(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw fail('SNAPSHOT_INVALID', `${file}, which should hold ${what}, can't be read (${why}). Write it there.`);
  }
}
