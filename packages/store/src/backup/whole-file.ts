import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { uniqueSuffix } from '../embedded/secret.ts';

/**
 * Writes a file that is there as a whole or not at all: mode 0600, complete on disk before it takes its name. An existing
 * file of that name is replaced only then. `fill` writes piece after piece; when it throws, nothing stays.
 */
export async function writeWholeFile(
  path: string,
  fill: (write: (piece: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const part = `${path}.${uniqueSuffix()}.part`;
  try {
    {
      await using file = await open(part, 'wx', 0o600);
      await fill((piece) => file.writeFile(piece));
      await file.sync();
    }
    await rename(part, path);
    await using folder = await open(dirname(path), 'r');
    await folder.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
