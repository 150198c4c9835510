import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVER_SOCKET_VARIABLE, startTestServer, type TestServer } from './test-server.ts';

/**
 * Vitest's global setup: holds one Postgres for all workers of the run. It starts when the first test asks for a
 * database, so a run without one pays nothing, and ends with the run.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-run-'));
  chmodSync(directory, 0o700);
  const socketPath = join(directory, 'ask');
  let starting: Promise<TestServer> | undefined;
  const desk = createServer((socket) => {
    socket.on('error', () => {});
    starting ??= startTestServer();
    starting.then(
      ({ address }) => socket.end(JSON.stringify({ address })),
      (error: unknown) => socket.end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) })),
    );
  });
  await new Promise<void>((resolve, reject) => {
    desk.once('error', reject);
    desk.listen(socketPath, resolve);
  });
  process.env[SERVER_SOCKET_VARIABLE] = socketPath;
  return async () => {
    delete process.env[SERVER_SOCKET_VARIABLE];
    await new Promise<void>((resolve) => desk.close(() => resolve()));
    const server = await starting?.catch(() => undefined);
    await server?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  };
}
