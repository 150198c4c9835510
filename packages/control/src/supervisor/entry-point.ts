import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How a neighbour's process is started. */
export interface EntryPoint {
  /** Absolute path of its module. */
  readonly entry: string;
  /** Arguments of Node before it. */
  readonly nodeArgs: readonly string[];
}

/** Whether this package runs as TypeScript, from a checkout. */
const fromSource = import.meta.filename.endsWith('.ts');

/** Arguments of Node with which a module finds the packages in the form that this one has: source or built. */
export const NODE_ARGS: readonly string[] = fromSource
  ? ['--conditions=@fairlead/source', '--disable-warning=ExperimentalWarning']
  : [];

/**
 * The process entry (`main`) of a package of Fairlead's, such as `service`: from source when this package runs from
 * source. Found as Node finds packages, upwards from here.
 */
export function entryPoint(name: string): EntryPoint {
  const file = fromSource ? join('src', 'main.ts') : join('dist', 'main.js');
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const entry = join(folder, 'node_modules', '@fairlead', name, file);
    if (existsSync(entry)) return { entry, nodeArgs: NODE_ARGS };
    if (folder === dirname(folder))
      throw new Error(`@fairlead/${name} has no ${file}. Install the packages again: npm ci.`);
  }
}
