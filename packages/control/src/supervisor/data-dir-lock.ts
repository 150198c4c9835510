import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../errors.ts';
import { uniqueName } from './data-dir.ts';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

/** The right to run a platform on one data directory. */
export interface DataDirLock {
  /** Gives it back; idempotent. A lock that was never given back is void once its process has ended. */
  release(): Promise<void>;
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return undefined;
    const { pid, started } = value;
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
const read = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

/** Makes `path` with the content of `file`, unless it is there: one system call, so there is never a half-written lock. */
async function linkNew(file: string, path: string): Promise<boolean> {
  try {
    await link(file, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Who holds the lock of a data directory; `undefined` when nobody who still runs does. */
export async function lockHolder(dataDir: string): Promise<ProcessIdentity | undefined> {
  const text = await read(join(dataDir, 'lock'));
  const holder = text === undefined ? undefined : parse(text);
  return holder !== undefined && (await isRunning(holder)) ? holder : undefined;
}

/**
 * Takes the lock of a data directory for this process. A lock whose process has ended (even if its number was given
 * to another process since) is taken over; of several that try at once, one gets it.
 * @throws DATA_DIR_LOCKED when a running process holds it; the message says which
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const path = join(dataDir, 'lock');
  const takeover = `${path}.takeover`;
  const me = await identify(process.pid);
  const mine = `${path}.${uniqueName()}`;
  const content = JSON.stringify({ ...me, nonce: uniqueName() });
  await writeFile(mine, content, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if (await linkNew(mine, path)) return { release: () => releaseOwn(path, content) };
      const holder = await lockHolder(dataDir);
      if (holder !== undefined) throw locked(dataDir, holder);
      // The lock is stale. Whoever holds the takeover file may replace it, after having looked once more.
      if (await linkNew(mine, takeover)) {
        try {
          const again = await lockHolder(dataDir);
          if (again !== undefined) throw locked(dataDir, again);
          await rename(mine, path);
          return { release: () => releaseOwn(path, content) };
        } finally {
          await rm(takeover, { force: true });
        }
      }
      const other = parse((await read(takeover)) ?? '');
      if (other === undefined || !(await isRunning(other))) await rm(takeover, { force: true });
    }
    throw fail(
      'DATA_DIR_LOCKED',
      `${dataDir}: other processes keep taking its lock. Run one platform at a time on a data directory.`,
    );
  } finally {
    await rm(mine, { force: true });
  }
}

function locked(dataDir: string, holder: ProcessIdentity): Error {
  return fail(
    'DATA_DIR_LOCKED',
    `${dataDir} is in use by process ${holder.pid}. Stop that platform (fairlead down), or give this one another directory with --data-dir.`,
    { details: { pid: holder.pid } },
  );
}

async function releaseOwn(path: string, content: string): Promise<void> {
  if ((await read(path)) === content) await rm(path, { force: true });
}
