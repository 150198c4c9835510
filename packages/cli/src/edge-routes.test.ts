import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlatformState } from '@fairlead/control';
import { expect, onTestFinished, test } from 'vitest';
import { palette } from './colour.ts';
import { edgeGateway, edgeLines, edgeRoutes } from './edge-routes.ts';

/** What a platform says that has started its gateway with these routes. */
async function stateWith(routes: readonly object[] | undefined): Promise<PlatformState> {
  const socketDir = await mkdtemp(join(tmpdir(), 'edge-routes-'));
  onTestFinished(() => rm(socketDir, { recursive: true }));
  const config = {
    listen: { port: 0 },
    routes,
    endpoints: { orders: { socketPath: '/run/orders.sock' } },
    jwks: 'http://127.0.0.1:1',
    issuer: 'urn:a',
    audience: 'urn:b',
  };
  if (routes !== undefined) await writeFile(join(socketDir, 'gateway.json'), JSON.stringify(config));
  // `as`: nothing else of it is looked at.
  return { socketDir } as PlatformState;
}

test('filters of a platform’s routes are told, its own passed over', async () => {
  const limit = { type: 'rate-limit', by: 'ip', rates: ['5/s'] };
  const page = { type: 'compose', parts: { order: { to: 'orders', path: '/orders' } } };
  const gateway = await edgeGateway(
    await stateWith([
      { path: '/orders', service: 'orders', filters: [{ type: 'headers' }, limit] },
      { path: '/plain', service: 'orders', roles: ['support'] },
      { path: '/page', filters: [page] },
    ]),
  );
  const routes = gateway === undefined ? [] : edgeRoutes(gateway);
  expect(routes).toEqual([
    { path: '/orders', service: 'orders', filters: ['rate-limit', 'headers'] },
    { path: '/page', service: undefined, filters: ['compose'] },
  ]);
  expect(edgeLines(routes, palette(false))).toEqual([
    'AT THE EDGE       FILTERS',
    '/orders → orders  rate-limit, headers',
    '/page             compose',
  ]);
  expect(edgeLines([], palette(false))).toEqual([]);
});

test('a gateway that has not been started has nothing to tell', async () => {
  expect(await edgeGateway(await stateWith(undefined))).toBeUndefined();
});
