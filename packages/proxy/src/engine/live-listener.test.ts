import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import { LiveListener } from './live-listener.ts';

const listener = new LiveListener({ name: 'web', trustedProxies: ['10.0.0.0/8', '192.0.2.1'] });
const clientOf = (peer: string, chain?: string) =>
  listener.clientOf(peer, new Fields(chain === undefined ? [] : ['x-forwarded-for', chain]));

test.each([
  ['a stranger is believed nothing', '203.0.113.9', '10.1.1.1', '203.0.113.9'],
  ['whom we trust names the client', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['what a client wrote before that counts for nothing', '10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['several that we trust are passed over', '10.0.0.1', '203.0.113.9, 192.0.2.1, 10.2.2.2', '203.0.113.9'],
  ['when all are trusted, the first is it', '10.0.0.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
  ['a port is not part of it', '10.0.0.1', '203.0.113.9:51234', '203.0.113.9'],
  ['nor are brackets', '10.0.0.1', '[2001:db8::7]:51234', '2001:db8::7'],
  ['a port hides no trust', '10.0.0.1', '203.0.113.9, 10.2.2.2:80', '203.0.113.9'],
  ['what is no address stays what it is', '10.0.0.1', 'unknown', 'unknown'],
  ['without a chain it is who asks', '10.0.0.1', undefined, '10.0.0.1'],
])('%s', (_what, peer, chain, client) => {
  expect(clientOf(peer, chain)).toBe(client);
});
