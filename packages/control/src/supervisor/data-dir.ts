import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { realRandom } from '@fairlead/core';
import { fail } from '../errors.ts';

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

/**
 * Makes a data directory: `secrets`, `logs` and `externals` are for their owner only (0700), and git is told to look away.
 * @throws DATA_DIR_UNUSABLE when it can't be made or written
 */
export async function makeDataDir(path: string): Promise<DataDir> {
  const dir = dataDirAt(path);
  try {
    await mkdir(dir.path, { recursive: true });
    await Promise.all(['secrets', 'logs', 'externals'].map((name) => privateDir(join(dir.path, name))));
    await writeFile(join(dir.path, '.gitignore'), '*\n');
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw fail(
      'DATA_DIR_UNUSABLE',
      `${dir.path} can't be used as the data directory (${code}). ${WHAT_TO_DO[code] ?? 'See to it'}, or name another with --data-dir.`,
      { cause: error },
    );
  }
  return dir;
}

/** What helps against the system's refusals. */
const WHAT_TO_DO: Readonly<Record<string, string>> = {
  EACCES: 'Give this user the right to write there',
  EPERM: 'Make this user its owner',
  ENOSPC: 'Free space on that disk',
  EDQUOT: "Free space within this user's quota",
  EFBIG: 'Raise the limit of the size of files (ulimit -f, LimitFSIZE=)',
  EROFS: 'Its disk is read-only: mount it for writing',
  EEXIST: 'A file stands in its place: move that away',
  ENOTDIR: 'A file stands where a folder must be: move that away',
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * The text of a file of the platform's own; `undefined` when there is none. One that is there but can't be read is not
 * taken for missing: a new secret in its place would shut out whoever holds the old one.
 * @throws SECRET_UNREADABLE
 */
export async function readSecret(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return undefined;
    throw unreadable(path, code ?? String(error), error);
  }
}

/** The JSON in a file of the platform's own secrets; `undefined` when there is none. @throws SECRET_UNREADABLE */
export async function readSecretJson(path: string): Promise<unknown> {
  const text = await readSecret(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote what it read.
    throw unreadable(path, 'it is no JSON');
  }
}

function unreadable(path: string, why: string, cause?: unknown): Error {
  return fail(
    'SECRET_UNREADABLE',
    `${path} can't be read (${why}). Run as the user it belongs to, or give that user back the right to read it; if it is lost, remove it and a new one is made.`,
    cause === undefined ? {} : { cause },
  );
}

/** A name that nobody else has. */
export function uniqueName(): string {
  return randomText(12);
}

/** Replaces a file as a whole (mode 0600): a reader sees the old content or the new, never a part. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const part = `${path}.${uniqueName()}.part`;
  try {
    await writeFile(part, content, { mode: 0o600 });
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * The secret in `path`, made of 32 random bytes (base64url) the first time. Its mode becomes 0600.
 * @throws SECRET_UNREADABLE
 */
export async function persistentSecret(path: string): Promise<string> {
  const known = (await readSecret(path)) ?? '';
  if (known.trim() !== '') {
    await chmod(path, 0o600);
    return known.trim();
  }
  const secret = randomText(32);
  await replaceFile(path, `${secret}\n`);
  return secret;
}
