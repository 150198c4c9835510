// Three steps with Restate: its server on this machine with its defaults, a service on its SDK in this process, started and
// awaited through the server's ingress over one kept connection pool.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as restate from '@restatedev/restate-sdk';
import { Pool } from 'undici';
import { STEPS, measureRuns } from '../events/runs.ts';

/** Ports that nobody has. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function answered(url, init) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await fetch(url, init);
      if (answer.ok) return;
      if (attempt > 200) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
    } catch (error) {
      if (attempt > 200) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const [ingress, admin, node, service] = await freePorts(4);
const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const server = spawn(
  fileURLToPath(new URL('./node_modules/.bin/restate-server', import.meta.url)),
  ['--base-dir', directory, '--node-name', 'bench'],
  {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: {
      ...process.env,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
    },
  },
);

const checkout = restate.workflow({
  name: 'checkout',
  handlers: {
    run: async (ctx, order) => {
      await ctx.run('reserve', () => STEPS.reserve(order));
      await ctx.run('charge', () => STEPS.charge(order));
      return ctx.run('confirm', () => STEPS.confirm(order));
    },
  },
});
await restate.serve({ services: [checkout], port: service, logger: () => {} });
await answered(`http://127.0.0.1:${admin}/health`);
await answered(`http://127.0.0.1:${admin}/deployments`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ uri: `http://127.0.0.1:${service}` }),
});
await answered(`http://127.0.0.1:${ingress}/restate/health`);

const pool = new Pool(`http://127.0.0.1:${ingress}`, { connections: 64 });
const measured = await measureRuns(async (id, order) => {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: `/checkout/${id}/run`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
  if (statusCode !== 200) throw new Error(`the run was answered ${statusCode}: ${await body.text()}`);
  return body.json();
});
await pool.close();
server.kill();
await new Promise((resolve) => server.once('exit', resolve));
rmSync(directory, { recursive: true, force: true });
console.log(JSON.stringify(measured));
process.exit();
