import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { fail } from './errors.ts';

/**
 * Removes a socket file that nobody listens at: its process was killed before it could.
 * @throws UNAVAILABLE when somebody does
 * @throws MISCONFIGURED when the path is something else than a socket; it is left alone
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket())
    throw fail('MISCONFIGURED', `${path} exists and is no socket. Listen at another path, or remove it.`);
  if (await isListening(path))
    throw fail('UNAVAILABLE', `Another process listens at ${path}. End it, or listen at another path.`);
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = codeOf(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
