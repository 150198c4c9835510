import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onDemand, seededRandom } from '@fairlead/core';
import { onTestFinished } from 'vitest';
import { running, written, type Written } from '../engine/engine.fixture.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { serveAdmin, type AdminServerOptions } from './admin-server.ts';
import { oneProcess } from './gateway-processes.ts';
import { LocalGateway, type CachePort, type LocalGatewayOptions } from './local-gateway.ts';
import { swapHistory } from './swap-history.ts';

export const CREDENTIAL = 'correct-horse-battery-staple';

/** What an admin server answers, its body read. */
export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  json(): unknown;
}

/** An engine on a virtual clock with its admin server, and somebody to ask it. */
export async function administered(
  what: Written,
  options: Partial<AdminServerOptions> &
    Pick<LocalGatewayOptions, 'reload'> & { readonly caches?: readonly CachePort[] } = {},
) {
  const { reload, caches, ...given } = options;
  const world = await running(what);
  const { engine, clock, telemetry } = world;
  let snapshot: CompiledSnapshot = written(what);
  const history = swapHistory(snapshot, clock);
  const gateway = new LocalGateway({
    // An engine's members are getters, which a copy would lose.
    engine: caches === undefined ? engine : Object.create(engine, { caches: { value: caches } }),
    snapshot: () => snapshot,
    history,
    metrics: telemetry.metrics,
    clock,
    ...(reload === undefined ? {} : { reload }),
  });
  const server = await serveAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    clock,
    random: seededRandom('admin'),
    telemetry,
    processes: oneProcess(gateway),
    changes: { credential: CREDENTIAL },
    ...given,
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const ask = (
    method: string,
    path: string,
    { headers = {}, body }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
  ) =>
    new Promise<Answered>((resolve, reject) => {
      const asking = onDemand.http.request(`${server.url}${path}`, { method, headers, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            type: answer.headers['content-type'] ?? '',
            text,
            json: (): unknown => JSON.parse(text),
          }),
        );
      });
      asking.on('error', reject).end(body);
    });
  return {
    ...world,
    gateway,
    history,
    server,
    ask,
    get: (path: string) => ask('GET', path),
    change: (path: string, body: object = {}, credential: string = CREDENTIAL) =>
      ask('POST', path, {
        headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    use(next: CompiledSnapshot) {
      snapshot = next;
    },
  };
}

/** A folder that is gone after the test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'admin-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
