import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fail } from '../errors.ts';

const PREFIX = 'fairlead-';
/** `sun_path` holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_PATH_BYTES = 103;

/** A fresh folder for one run's sockets, that only this user may enter (0700): who can open a socket in it speaks for the edge. */
export interface SocketDir {
  readonly path: string;
  /** Path of a socket. */
  socket(name: string): string;
  /** Removes it with everything in it; idempotent. */
  remove(): Promise<void>;
}

/**
 * Makes the folder below the system's temp folder, or below `/tmp` when that one's path is too long for a socket's.
 * @throws SOCKET_PATH_TOO_LONG when the longest of `names` does not fit either way
 */
export async function makeSocketDir(names: readonly string[]): Promise<SocketDir> {
  const longest = names.reduce((a, b) => (b.length > a.length ? b : a), '');
  const fits = (root: string): boolean =>
    Buffer.byteLength(join(root, `${PREFIX}XXXXXX`, `${longest}.sock`)) <= MAX_PATH_BYTES;
  const root = [tmpdir(), '/tmp'].find(fits);
  if (root === undefined) {
    throw fail(
      'SOCKET_PATH_TOO_LONG',
      `A socket for "${longest}" would need a path longer than ${MAX_PATH_BYTES} bytes below ${tmpdir()}. Give the service a shorter name, or set TMPDIR to a shorter folder.`,
    );
  }
  const path = await mkdtemp(join(root, PREFIX));
  return {
    path,
    socket: (name) => join(path, `${name}.sock`),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** Removes what a killed supervisor left, if it really is a folder of that kind and of this user. */
export async function removeStaleSocketDir(path: string): Promise<void> {
  if (!basename(path).startsWith(PREFIX) || ![tmpdir(), '/tmp'].includes(dirname(path))) return;
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined || !stat.isDirectory() || stat.uid !== process.getuid?.()) return;
  await rm(path, { recursive: true, force: true });
}
