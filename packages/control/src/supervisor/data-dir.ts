import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { realRandom } from '@fairlead/core';

/** The supervisor only ever runs for real: names of files and secrets are the machine's own randomness. */
const random = realRandom();
const randomText = (bytes: number): string => Buffer.from(random.bytes(bytes)).toString('base64url');

/** Where a platform keeps things. */
export interface DataDir {
  readonly path: string;
  /** The embedded database's files. */
  readonly postgres: string;
  /** Node's compile cache: what is started again starts faster. */
  readonly compileCache: string;
  log(name: string): string;
  /** Path of a secret. */
  secret(name: string): string;
  /** Folder of an external's own data. */
  external(name: string): string;
}

/** The layout below a data directory; nothing is made. */
export function dataDirAt(path: string): DataDir {
  const root = resolve(path);
  return {
    path: root,
    postgres: join(root, 'postgres'),
    compileCache: join(root, 'compile-cache'),
    log: (name) => join(root, 'logs', `${name}.log`),
    secret: (name) => join(root, 'secrets', name),
    external: (name) => join(root, 'externals', name),
  };
}

async function privateDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  // It may have been there with a wider mode.
  await chmod(path, 0o700);
}

/** Makes a data directory: `secrets`, `logs` and `externals` are for their owner only (0700), and git is told to look away. */
export async function makeDataDir(path: string): Promise<DataDir> {
  const dir = dataDirAt(path);
  await mkdir(dir.path, { recursive: true });
  await Promise.all(['secrets', 'logs', 'externals'].map((name) => privateDir(join(dir.path, name))));
  await writeFile(join(dir.path, '.gitignore'), '*\n');
  return dir;
}

/** A name that nobody else has. */
export function uniqueName(): string {
  return randomText(12);
}

/** Replaces a file as a whole (mode 0600): a reader sees the old content or the new, never a part. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const part = `${path}.${uniqueName()}.part`;
  await writeFile(part, content, { mode: 0o600 });
  await rename(part, path);
}

/** The secret in `path`, made of 32 random bytes (base64url) the first time. Its mode becomes 0600. */
export async function persistentSecret(path: string): Promise<string> {
  const known = await readFile(path, 'utf8').catch(() => '');
  if (known.trim() !== '') {
    await chmod(path, 0o600);
    return known.trim();
  }
  const secret = randomText(32);
  await replaceFile(path, `${secret}\n`);
  return secret;
}
