import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { realClock, realRandom, type Clock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { onTestFinished } from 'vitest';
import { written } from '../../engine/engine.fixture.ts';
import { startEngine } from '../../engine/engine.ts';
import { CLIENT_SECRET } from './foreign-provider.fixture.ts';

/** Where the gateway's secrets are in tests. */
export const KEY_PLACE = 'FAIRLEAD_TEST_SESSION_KEY';
export const OTHER_KEY_PLACE = 'FAIRLEAD_TEST_OTHER_SESSION_KEY';
export const SECRET_PLACE = 'FAIRLEAD_TEST_CLIENT_SECRET';
export const SESSION_KEY = 'a key of sessions with enough letters';
process.env[KEY_PLACE] = SESSION_KEY;
process.env[OTHER_KEY_PLACE] = 'another key of sessions, which came after it';
process.env[SECRET_PLACE] = CLIENT_SECRET;

/** The real time, and a jump ahead of it. */
export interface JumpingClock extends Clock {
  jump(ms: number): void;
}

export function jumpingClock(): JumpingClock {
  const real = realClock();
  let aheadMs = 0;
  return {
    now: () => real.now() + aheadMs,
    monotonic: () => real.monotonic() + aheadMs,
    setTimer: (ms, run) => real.setTimer(ms, run),
    sleep: (ms, signal) => real.sleep(ms, signal),
    jump: (ms) => void (aheadMs += ms),
  };
}

/** A filter as it is written down. */
export function oidcSpec(issuer: string, options: object = {}): object {
  return {
    type: 'oidc',
    issuer,
    client: { id: 'shop', secret: { env: SECRET_PLACE } },
    session: { keys: [{ env: KEY_PLACE }] },
    headers: { 'x-user': 'sub' },
    ...options,
  };
}

/** A shop that says which fields have come. */
async function shop(): Promise<string> {
  const server = createServer((request, response) =>
    response.end(JSON.stringify({ url: request.url, ...request.headers })),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A gateway with these filters, in front of a shop. */
export async function gateway(filters: readonly object[]) {
  const clock = jumpingClock();
  const telemetry = recordingTelemetry({ clock });
  const clusters = { shop: { endpoints: [await shop()] } };
  const snapshot = written({ clusters, filters });
  const engine = await startEngine({ snapshot, clock, random: realRandom(), telemetry });
  onTestFinished(() => engine.close({ graceMs: 0 }));
  const origin = engine.urls.get('web') ?? '';
  return { clock, telemetry, origin, callback: `${origin}/oauth2/callback` };
}
