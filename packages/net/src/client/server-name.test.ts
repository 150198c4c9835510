import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { clientPool } from './pool.ts';

/** The name that a TLS server is asked for. It has no certificate, so that is all that comes of it. */
async function nameAsked(serverName: string | undefined): Promise<string | undefined> {
  let asked: string | undefined;
  const server = createServer({
    SNICallback: (name, answer) => {
      asked = name;
      answer(new Error('There is no certificate.'));
    },
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  // An address of a TCP server is an object.
  const { port } = server.address() as AddressInfo;
  const clock = realClock();
  const endpoint = { host: '127.0.0.1', port, isTls: true, ...(serverName === undefined ? {} : { serverName }) };
  await using pool = clientPool({ endpoint, clock });
  using ctx = createContext({ clock, random: realRandom(), timeoutMs: 30_000 });
  const request = pool.request(ctx, { method: 'GET', target: '/', fields: {}, body: undefined });
  await expect(request).rejects.toMatchObject({ code: 'CONNECTION_FAILED', details: { processed: 'no' } });
  return asked;
}

test('a server at an address is asked for the name that was said, and else for none', async () => {
  expect(await nameAsked('orders.example')).toBe('orders.example');
  expect(await nameAsked(undefined)).toBeUndefined();
});
