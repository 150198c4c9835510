import { access, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nearest } from '@fairlead/core';
import type { Place, ProblemList } from './problem-list.ts';

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage']);
const MODULE_EXTENSION = /\.(?:ts|mts|js|mjs)$/;
/** How far the search for a file that someone may have meant goes. */
const SEARCH = { maxDepth: 5, maxFiles: 2_000 };

/** The default export of a module, as far as it could be had. */
export type Imported = { readonly kind: 'imported'; readonly value: unknown } | { readonly kind: 'failed' };

/**
 * Imports the module that a blueprint names at `place`, and answers its default export. A file that is missing (with the
 * nearest that is there), can't be imported or has no default export is added to `problems`.
 *
 * Modules are imported once a process: a changed file needs a new process.
 */
export async function importDefault(
  root: string,
  file: string,
  place: Place,
  problems: ProblemList,
): Promise<Imported> {
  if (!(await checkFile(root, file, place, problems))) return { kind: 'failed' };
  let namespace: object;
  try {
    // `as`: a module namespace is always an object.
    namespace = (await import(pathToFileURL(file).href)) as object;
  } catch (error) {
    problems.add(place, `${relative(root, file)} can't be imported: ${firstLine(error)}`);
    return { kind: 'failed' };
  }
  if (!('default' in namespace)) {
    problems.add(place, `${relative(root, file)} has no default export`);
    return { kind: 'failed' };
  }
  return { kind: 'imported', value: namespace.default };
}

/** Whether the file is there; when not, `problems` hears of it, with the nearest one that is. */
export async function checkFile(root: string, file: string, place: Place, problems: ProblemList): Promise<boolean> {
  if (await exists(file)) return true;
  const found = (await moduleFiles(root)).map((path) => `./${relative(root, path)}`);
  const wanted = asWritten(root, file);
  const suggestion = nearest(wanted, found);
  problems.add(place, `there is no file ${wanted}${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`);
  return false;
}

/** What went wrong in one line: messages of loaders carry code frames and stacks. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split('\n', 1)[0] ?? text;
}

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function asWritten(root: string, file: string): string {
  const path = relative(root, file);
  return path.startsWith('..') ? path : `./${path}`;
}

async function moduleFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  let folders = [root];
  for (let depth = 0; depth <= SEARCH.maxDepth && folders.length > 0; depth++) {
    const below: string[] = [];
    for (const folder of folders) {
      // A folder that can't be read has nothing to suggest.
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
          if (!entry.name.startsWith('.') && !SKIPPED_FOLDERS.has(entry.name)) below.push(path);
        } else if (MODULE_EXTENSION.test(entry.name)) {
          files.push(path);
          if (files.length >= SEARCH.maxFiles) return files;
        }
      }
    }
    folders = below;
  }
  return files;
}
