import { fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Listening, TelemetryCounts, Told } from './served.ts';

/** A measured server in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly listening: Listening;
  readonly pid: number;
  /** A folder that goes away with it. */
  readonly folder: string;
  /** Processor time that it has used, in microseconds, and what became of its spans and lines. */
  usage(): Promise<{ readonly cpuUs: number } & TelemetryCounts>;
}

/**
 * Starts `file` (relative to bench/) and waits until it listens. Its standard output, where its access lines go, is a
 * file. `env` is added to the environment; `BENCH_SOCKET` names a socket path in its folder.
 */
export async function startServer(file: string, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-load-'));
  const lines = openSync(join(folder, 'lines.log'), 'w');
  const child = fork(fileURLToPath(new URL(`../${file}`, import.meta.url)), {
    execArgv: ['--conditions=@fairlead/source', ...(process.env['BENCH_NODE_OPTIONS']?.split(' ') ?? [])],
    env: { ...process.env, ...env, NODE_ENV: 'production', BENCH_SOCKET_PATH: join(folder, 's.sock') },
    stdio: ['ignore', lines, 'inherit', 'ipc'],
  });
  closeSync(lines);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${file} ended with ${signal ?? code}`)));
  });
  ended.catch(() => {});
  const told = <Type extends Told['type']>(type: Type): Promise<Extract<Told, { type: Type }>> =>
    Promise.race([
      ended,
      new Promise<Extract<Told, { type: Type }>>((resolve) => {
        const onMessage = (message: unknown) => {
          // Only `served` sends messages.
          const heard = message as Told;
          if (heard.type !== type) return;
          child.off('message', onMessage);
          // Its type has just been compared.
          resolve(heard as Extract<Told, { type: Type }>);
        };
        child.on('message', onMessage);
      }),
    ]);
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await ended.catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { port, path } = await told('ready');
    return {
      pid: child.pid ?? 0,
      listening: path === undefined ? { port: port ?? 0 } : { path },
      folder,
      usage() {
        const usage = told('usage');
        child.send({ type: 'usage' });
        return usage;
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
