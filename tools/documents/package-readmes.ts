import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks, type CodeBlock } from './code-block.ts';
import { LAYERS } from '../layers.ts';
import { ROOT } from '../repository.ts';

/** The README of a package, by how its first example is executed. */
export interface PackageReadmes {
  /** Its language is `ts`: it is run from tarballs, as a person would who installs the package. By package. */
  readonly packed: ReadonlyMap<string, CodeBlock>;
  /** Its language is `sh`: the whole document is played. Paths from the root. */
  readonly played: readonly string[];
  /** Missing, or open with something else: nothing executes them, and a test objects. Paths from the root. */
  readonly neither: readonly string[];
}

/** Divides the packages of the house by what executes the first example of their READMEs. */
export function packageReadmes(): PackageReadmes {
  const packed = new Map<string, CodeBlock>();
  const played: string[] = [];
  const neither: string[] = [];
  for (const name of LAYERS.filter((each) => existsSync(join(ROOT, 'packages', each, 'src/index.ts')))) {
    const path = `packages/${name}/README.md`;
    const [first] = existsSync(join(ROOT, path)) ? codeBlocks(readFileSync(join(ROOT, path), 'utf8')) : [];
    if (first?.language === 'ts') packed.set(name, first);
    else (first?.language === 'sh' ? played : neither).push(path);
  }
  return { packed, played, neither };
}
