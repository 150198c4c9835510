import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { AUDIENCE, ISSUER, listenOn, signingKey, stop } from '../fixtures/edge.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function start(env: Record<string, string>): { child: ChildProcess; output: () => string } {
  const child = fork(MAIN, {
    env: { PATH: process.env['PATH'], ...env },
    execArgv: ['--conditions=@fairlead/source'],
    silent: true,
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));
  return { child, output: () => output };
}

/** Runs `work` with a gateway process in front of a service, its keys published on a unix socket. */
async function withProcess(
  work: (running: { child: ChildProcess; url: string; token: string; output: () => string }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const key = await signingKey('only');
  const control = await listenOn(join(folder, 'control.sock'), (request, response) => {
    if (request.url === '/.well-known/jwks.json') response.end(JSON.stringify({ keys: [key.jwk] }));
    else response.writeHead(404).end();
  });
  const service = await listenOn(join(folder, 'orders.sock'), (request, response) => {
    response.end(`${request.headers['x-fairlead-tenant']} ${request.url}`);
  });
  const file = join(folder, 'gateway.json');
  await writeFile(
    file,
    JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      routes: [{ path: '/orders', service: 'orders', timeoutMs: 10_000, maxBodyBytes: 1024 }],
      endpoints: { orders: { socketPath: join(folder, 'orders.sock') } },
      jwks: `unix:${join(folder, 'control.sock')}:/.well-known/jwks.json`,
      issuer: ISSUER,
      audience: AUDIENCE,
    }),
  );
  const token = await new SignJWT({ tenant: 'acme' })
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject('ada')
    .setExpirationTime('1h')
    .sign(key.privateKey);
  // It is listened to from the start: what it says before anybody listens is lost.
  const { child, output } = start({ FAIRLEAD_GATEWAY_CONFIG: file });
  try {
    const [message] = (await once(child, 'message')) as [{ type: string; url: string }];
    expect(message.type).toBe('ready');
    await work({ child, url: message.url, token, output });
  } finally {
    child.kill('SIGKILL');
    await Promise.all([stop(control), stop(service)]);
    await rm(folder, { recursive: true, force: true });
  }
}

test('the process tells when it is ready, serves, survives Ctrl-C of its supervisor and drains on SIGTERM', async () => {
  await withProcess(async ({ child, url, token, output }) => {
    child.kill('SIGINT');
    const answer = await fetch(`${url}/orders/1`, { headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, await answer.text()]).toEqual([200, 'acme /orders/1']);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(output()).toContain('"msg":"draining"');
    expect(output()).not.toContain(token);
  });
});

test('the process ends in order when its supervisor is gone', async () => {
  await withProcess(async ({ child }) => {
    const exited = once(child, 'exit');
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  });
});

test('a configuration that is missing, malformed or unknown ends the process with what is wrong', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  try {
    const file = join(folder, 'gateway.json');
    const ended = async (env: Record<string, string>): Promise<string> => {
      const { child, output } = start(env);
      expect(await once(child, 'close')).toEqual([1, null]);
      return output();
    };
    expect(await ended({})).toContain('FAIRLEAD_GATEWAY_CONFIG is not set');
    expect(await ended({ FAIRLEAD_ACCESS_LINES: 'al' })).toContain('FAIRLEAD_ACCESS_LINES is "al". It may be: thinned');
    expect(await ended({ FAIRLEAD_GATEWAY_CONFIG: file })).toContain("can't be read");
    await writeFile(file, '{ "listen": { "port": 0 }, "isuer": "x" }');
    expect(await ended({ FAIRLEAD_GATEWAY_CONFIG: file })).toContain('did you mean issuer?');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
