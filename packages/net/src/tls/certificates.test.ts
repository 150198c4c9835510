import { virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { testCertificate } from '../testing/test-certificate.ts';
import { certificates, type CertificatePair } from './certificates.ts';

const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
const read = (pairs: readonly CertificatePair[]) => () => Promise.resolve(pairs);

test('a name has the certificate that names it, then one with a wildcard, else the first', async () => {
  const [shop, all, other] = [
    testCertificate({ names: ['shop.test'] }),
    testCertificate({ names: ['*.shop.test'] }),
    testCertificate({ names: ['API.shop.test', 'shop.test'] }),
  ];
  const held = await certificates({ read: read([shop, all, other]), clock });
  const { contextFor } = held;
  const [first, wildcard, named] = ['shop.test', 'a.shop.test', 'api.SHOP.test'].map(contextFor);
  expect(new Set([first, wildcard, named]).size).toBe(3);
  expect(contextFor('b.shop.test')).toBe(wildcard);
  for (const stranger of [undefined, 'else.test', 'a.b.shop.test', '', '.shop.test'])
    expect(contextFor(stranger)).toBe(first);
  expect(held.inspect().map(({ names }) => names)).toEqual([
    ['shop.test'],
    ['*.shop.test'],
    ['api.shop.test', 'shop.test'],
  ]);
});

test('new certificates are taken all together or not at all', async () => {
  const pairs: CertificatePair[] = [testCertificate({ names: ['a.test'] })];
  const held = await certificates({ read: () => Promise.resolve(pairs), clock });
  const before = held.contextFor('a.test');
  pairs.splice(0, 1, testCertificate({ names: ['b.test'] }), { cert: 'none', key: 'none' });
  await expect(held.reload()).rejects.toMatchObject({ code: 'MISCONFIGURED', message: /Certificate 2 can't be used/ });
  expect(held.contextFor('a.test')).toBe(before);
  pairs.pop();
  await held.reload();
  expect(held.inspect()).toMatchObject([{ names: ['b.test'] }]);
});

test.each([
  ['none', [], /There is no certificate/],
  [
    'one that is to answer to a name that it has not',
    [{ ...testCertificate({ names: ['a.test', '*.b.test'] }), names: ['x.b.test', 'b.test'] }],
    /certificate is not for b.test, but for a.test, \*.b.test/,
  ],
  ['the key of another', [{ cert: testCertificate().cert, key: testCertificate().key }], /can't be used with its key/],
  [
    'one that has expired',
    [testCertificate({ names: ['old.test'], notAfter: new Date('2029-12-31') })],
    /old.test, expired/,
  ],
])('%s is refused at the start', async (_, pairs, message) => {
  await expect(certificates({ read: read(pairs), clock })).rejects.toMatchObject({ code: 'MISCONFIGURED', message });
});

test('a certificate can be told to answer to some of its names only, the rest is for others', async () => {
  const [all, shop] = [testCertificate({ names: ['*.test', 'shop.test'] }), testCertificate({ names: ['shop.test'] })];
  const held = await certificates({ read: read([{ ...all, names: ['a.test', '*.test'] }, shop]), clock });
  expect(held.contextFor('shop.test')).not.toBe(held.contextFor('a.test'));
  expect(held.contextFor('b.test')).toBe(held.contextFor('a.test'));
});

test('where there may be none, nobody has one until there is', async () => {
  const pairs: CertificatePair[] = [];
  const held = await certificates({ read: read(pairs), mayBeNone: true, minVersion: '1.3', clock });
  expect(held.contextFor('a.test')).toBeUndefined();
  expect(held.defaults()).toEqual({ minVersion: 'TLSv1.3' });
  pairs.push(testCertificate({ names: ['a.test'] }));
  await held.reload();
  expect(held.contextFor('a.test')).toBeDefined();
});
