import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../flag.ts';
import type { Terminal } from '../../terminal.ts';

/**
 * The credential in a file, or of the environment (`FAIRLEAD_ADMIN_CREDENTIAL`); `undefined` when there is neither.
 * @throws UsageError when there is no such file, or nothing in it
 */
export async function credentialFrom(terminal: Terminal, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return terminal.env['FAIRLEAD_ADMIN_CREDENTIAL'] || undefined;
  const text = await readFile(resolve(terminal.cwd, file), 'utf8').catch((error: unknown) => {
    throw new UsageError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const credential = text.trim();
  if (credential === '') throw new UsageError(`${file} must hold the credential`);
  return credential;
}
