import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder for one test, gone when it is disposed. */
export interface TemporaryTree extends Disposable {
  readonly root: string;
  /** The relative paths of the files it was made with, sorted. */
  readonly files: readonly string[];
}

/** Writes `files` (path → text, or a value that becomes JSON) below a fresh folder of the system's temporary one. */
export function temporaryTree(files: Readonly<Record<string, unknown>>): TemporaryTree {
  const root = mkdtempSync(join(tmpdir(), 'fairlead-tree-'));
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return {
    root,
    files: Object.keys(files).toSorted(),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
