import { stat } from 'node:fs/promises';
import type { Positional } from '../../command.ts';

/** The configuration that a command is about. */
export const fileOf: Positional = { name: 'file', summary: 'the configuration, YAML or JSON', required: true };

/** How a file looks from outside: another text whenever it was written, or another has taken its place. */
export async function lookAt(file: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(file);
  return `${mtimeMs} ${size} ${ino}`;
}
