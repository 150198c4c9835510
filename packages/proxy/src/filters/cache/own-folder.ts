import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder that no other process that is alive uses. */
export interface OwnFolder {
  readonly path: string;
  /** Somebody else may have it. */
  leave(): Promise<void>;
}

const LOCK = 'owner';
const MOST_FOLDERS = 256;
/** Folders that this process has already, under several stores. */
const taken = new Set<string>();

/**
 * The first folder in `parent` that nobody has, made if need be: its owner's process is named in a file, and one that is dead
 * leaves its folder to the next.
 */
export async function ownFolder(parent: string): Promise<OwnFolder> {
  for (let index = 0; index < MOST_FOLDERS; index += 1) {
    const path = join(parent, String(index));
    if (taken.has(path)) continue;
    taken.add(path);
    if (!(await isLocked(path))) {
      taken.delete(path);
      continue;
    }
    return {
      path,
      async leave() {
        await rm(join(path, LOCK), { force: true });
        taken.delete(path);
      },
    };
  }
  throw new RangeError(`All ${MOST_FOLDERS} folders in ${parent} are in use; name another one for this gateway.`);
}

/** Whether the folder is ours now. */
async function isLocked(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true });
  const file = join(path, LOCK);
  const owner = Number(await readFile(file, 'utf8').catch(() => '0'));
  // Our own number that is not in `taken` was another process's.
  if (owner !== 0 && owner !== process.pid && isAlive(owner)) return false;
  await rm(file, { force: true });
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
