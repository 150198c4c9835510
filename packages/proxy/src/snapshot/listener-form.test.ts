import { expect, test } from 'vitest';
import { listenerForm } from './listener-form.ts';

const written = { name: 'public', address: ':80', privateHandles: true };

test('private handles are for listeners of HTTP/1.1', () => {
  expect(listenerForm.parse(written)).toMatchObject({ privateHandles: true });
  expect(listenerForm.parse({ name: 'public', address: ':80' })).toMatchObject({ privateHandles: false });
});

test.each([
  { http2: true },
  { proxyProtocol: true },
  { tls: { certificates: [{ certificate: 'a.crt', key: 'a.key' }] } },
])('private handles are refused beside %j, where they change nothing', (other) => {
  const { error } = listenerForm.safeParse({ ...written, ...other });
  expect(error?.issues).toMatchObject([{ path: ['privateHandles'], message: expect.stringContaining('leave it out') }]);
});
