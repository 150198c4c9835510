import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminClient } from '../admin-client.ts';
import { serveAdmin } from './admin-server.ts';
import type { AuditEntry } from './audit.ts';
import { openControlPlane } from './control-plane.ts';

/**
 * A plane with one service that answers what is listed, by method and path with its query or else without, and
 * nothing else. `asked` is what it was asked.
 */
export async function planeWithService(name: string, answers: Readonly<Record<string, unknown>>) {
  const dir = await mkdtemp(join(tmpdir(), 'plane-test-'));
  const plane = await openControlPlane({ platform: 'shop', secretsDir: dir, tenants: ['acme'] });
  const audited: AuditEntry[] = [];
  const asked: string[] = [];
  const credential = 'a-credential-of-this-test';
  const onInternal = (error: unknown): never => {
    throw error;
  };
  const admin = await serveAdmin(plane, { port: 0, credential, onInternal, audit: (entry) => audited.push(entry) });
  const service = createServer((incoming, response) => {
    const question = `${incoming.method} ${incoming.url}`;
    asked.push(question);
    const answer = answers[question] ?? answers[question.split('?')[0] ?? ''];
    const type = answer === undefined ? 'application/problem+json' : 'application/json';
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': type });
    response.end(JSON.stringify(answer ?? { code: 'NOT_FOUND', detail: 'nothing of this name' }));
  });
  const socket = join(dir, `${name}.sock`);
  await new Promise<void>((resolve) => service.listen(socket, resolve));
  const instance = { name, kind: 'service', state: 'ready', pid: 1, restarts: 0, since: 0 } as const;
  plane.setInstances([{ ...instance, url: `unix:${socket}`, lastExit: undefined }]);
  return {
    client: adminClient({ url: admin.url, credential }),
    audited,
    asked,
    async [Symbol.asyncDispose]() {
      await admin.close({ graceMs: 0 });
      service.closeAllConnections();
      await new Promise((resolve) => service.close(resolve));
      await rm(dir, { recursive: true });
    },
  };
}
