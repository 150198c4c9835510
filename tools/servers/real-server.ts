// Real servers for tests, packages' own included: one a file, in a folder of its own, ended after the file's tests.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../repository.ts';
import { installMissing } from './install.ts';
import { startServer, stopServer } from './running.ts';
import type { ServerKind } from './server.ts';

/** A server that nobody else uses. */
export interface RealServer {
  /** What a client is given. */
  readonly url: string;
  /** Ends it, and removes its data; does nothing when it has ended. */
  stop(): Promise<void>;
}

/**
 * Whether the programs of a server are here; they are installed where that is possible. Tests are skipped without them.
 * @throws Error in CI, where everything must be there, with why they can't be had
 */
export function canHave(kind: ServerKind): boolean {
  const reason = installMissing([kind]).get(kind.name);
  return reason === undefined || unavailable(kind, reason);
}

/**
 * Starts a server; `undefined` where it can't be had.
 * @throws Error in CI, where everything must be there, with why it can't be had
 */
export async function realServer(kind: ServerKind): Promise<RealServer | undefined> {
  if (!canHave(kind)) return undefined;
  const dir = mkdtempSync(join(tmpdir(), `fairlead-${kind.name}-`));
  const options = { dir, cacheDir: join(ROOT, '.cache/downloads') };
  const stop = async (): Promise<void> => {
    await stopServer(kind, options);
    rmSync(dir, { recursive: true, force: true });
  };
  const state = await startServer(kind, options);
  if (state.state === 'up') return { url: state.url, stop };
  await stop();
  unavailable(kind, state.state === 'down' ? 'it did not start' : state.reason);
  return undefined;
}

function unavailable(kind: ServerKind, reason: string): false {
  if (process.env['CI'] === 'true') throw new Error(`${kind.name} can't be had: ${reason}`);
  console.info(`SKIPPED ${kind.name}: ${reason}`);
  return false;
}
