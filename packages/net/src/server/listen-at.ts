import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { fail } from '../errors.ts';
import type { ListenAddress } from './options.ts';

/**
 * Listens at an address, and says what it really is. A Unix socket that a process has left behind when it was killed is replaced; one
 * that somebody answers at is not.
 * @throws UNAVAILABLE when it can't be listened at
 */
export async function listenAt(server: Server, listen: ListenAddress, scheme: 'http' | 'https'): Promise<string> {
  try {
    await listening(server, listen).catch(async (error: unknown) => {
      if (!('path' in listen) || codeOf(error) !== 'EADDRINUSE' || !(await isLeftBehind(listen.path))) throw error;
      await unlink(listen.path);
      await listening(server, listen);
    });
    if ('path' in listen && listen.mode !== undefined) await chmod(listen.path, listen.mode);
  } catch (error) {
    server.close();
    throw cannotListen(listen, error);
  }
  if ('path' in listen) return `unix:${listen.path}`;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listen.port;
  return `${scheme}://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`;
}

function listening(server: Server, listen: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen('path' in listen ? { path: listen.path } : { host: listen.host, port: listen.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether it is a socket that nobody listens at any more. */
async function isLeftBehind(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() !== true) return false;
  return new Promise((resolve) => {
    const asking = connect(path);
    asking.once('connect', () => {
      asking.destroy();
      resolve(false);
    });
    asking.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}

/** Why an address can't be had, by the system's code, and what to do. */
const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another process listens there. End it, or listen elsewhere.',
  EADDRNOTAVAIL: 'This machine has no such address. Write one that it has, or 0.0.0.0 for all.',
  EACCES: 'This user may not. Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE on Linux).',
};
const WHY_NOT_THERE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'There is a file, or another process listens there. Remove it, end that, or listen elsewhere.',
  EACCES: 'Its folder is missing, or this user may not write there. Make it, or listen elsewhere.',
  EINVAL: 'The path is too long for a socket: Linux takes 107 bytes, macOS 103.',
};

function cannotListen(listen: ListenAddress, error: unknown) {
  const isSocket = 'path' in listen;
  const code = codeOf(error);
  const where = isSocket ? listen.path : `${listen.host}:${listen.port}`;
  const why = (isSocket ? WHY_NOT_THERE : WHY)[code] ?? code;
  return fail('UNAVAILABLE', `Can't listen at ${where}: ${why}`, { cause: error });
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  return error instanceof Error ? error.message : String(error);
}
