import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where the templates of this package lie, next to `src` and `dist`. */
const TEMPLATES = join(import.meta.dirname, '..', 'templates', 'platform');

/** What a copy is called. */
export interface ScaffoldNames {
  /** Instead of `my-platform`. */
  readonly platform?: string;
  /** Instead of `sample`. */
  readonly service: string;
}

/** Names that a packed package can't carry, or that the tests of this repository would run. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/(^|\/)gitignore$/, '$1.gitignore'],
  [/\.spec\.ts$/, '.test.ts'],
];

/** `order-lines` → `orderLines`. */
export function camelCase(name: string): string {
  return name.replaceAll(/-+([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}

/** This package's version, which those that it is installed with have, too. */
async function ownVersion(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8');
  // Our own manifest, which npm refuses to pack without a version.
  return (JSON.parse(text) as { readonly version: string }).version;
}

/**
 * Whether what lies in `folder` finds Fairlead's packages as TypeScript, in a checkout around it: nothing has to be
 * installed there, and whatever runs or compiles has to ask for that form.
 */
export function inCheckout(folder: string): boolean {
  for (let above = dirname(folder); ; above = dirname(above)) {
    if (existsSync(join(above, 'node_modules', '@fairlead', 'cli', 'package.json')))
      return existsSync(join(above, 'node_modules', '@fairlead', 'cli', 'src', 'main.ts'));
    if (above === dirname(above)) return false;
  }
}

const SOURCE_CONDITION = '@fairlead/source';

/** What the files of a platform say of how packages are found. */
function forCheckout(name: string, text: string): string {
  if (name === 'package.json') return text.replace('node --test', `node --conditions=${SOURCE_CONDITION} --test`);
  if (name !== 'tsconfig.json') return text;
  return text.replace(
    '"module": "nodenext",',
    `"module": "nodenext",\n    "customConditions": ["${SOURCE_CONDITION}"],`,
  );
}

function renamed(text: string, { platform, service }: ScaffoldNames): string {
  const own = text
    .replaceAll('sampleContract', `${camelCase(service)}Contract`)
    .replaceAll('using sample ', `using ${camelCase(service)} `)
    .replaceAll(/\bsample\.(?=call|published)/g, `${camelCase(service)}.`)
    .replaceAll(/\bsample\b/g, service);
  return platform === undefined ? own : own.replaceAll('my-platform', platform);
}

async function copy(from: string, to: string, names: ScaffoldNames): Promise<string[]> {
  const version = await ownVersion();
  const sourceAround = inCheckout(to);
  const written: string[] = [];
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(from.length + 1);
    const name = RENAMED.reduce((text, [pattern, by]) => text.replace(pattern, by), renamed(path, names));
    const text = renamed(await readFile(source, 'utf8'), names);
    await mkdir(dirname(join(to, name)), { recursive: true });
    const content = name === 'package.json' ? text.replaceAll(/("@fairlead\/\w+": ")[^"]+/g, `$1${version}`) : text;
    await writeFile(join(to, name), sourceAround ? forCheckout(name, content) : content, { flag: 'wx' });
    written.push(name);
  }
  return written.toSorted();
}

/** Writes a whole platform with one service to `folder`; answers the files, relative to it. Never overwrites. */
export function writePlatform(folder: string, names: ScaffoldNames): Promise<string[]> {
  return copy(TEMPLATES, folder, names);
}

/** Writes one service to `folder`; answers the files, relative to it. Never overwrites. */
export function writeService(folder: string, service: string): Promise<string[]> {
  return copy(join(TEMPLATES, 'sample'), folder, { service });
}
