import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const source = join(import.meta.dirname, 'report-loaded-files.ts');
const file = existsSync(source) ? source : join(import.meta.dirname, 'report-loaded-files.js');

/** Arguments of Node with which a process tells its parent each file that it loads (`report-loaded-files.ts`). */
export const LOADED_FILES_ARGS: readonly string[] = ['--import', pathToFileURL(file).href];

/** The paths in a message of `report-loaded-files.ts`; `undefined` for any other message. */
export function loadedFiles(message: unknown): readonly string[] | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message) || message.type !== 'loaded')
    return undefined;
  if (!('files' in message) || !Array.isArray(message.files)) return undefined;
  return message.files.filter((path) => typeof path === 'string');
}
