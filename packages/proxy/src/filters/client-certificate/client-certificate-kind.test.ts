import type { ClientCertificate, ClientProof } from '@fairlead/net';
import { expect, test } from 'vitest';
import { filterWorld, type TestFacts } from '../passage.fixture.ts';
import { clientCertificateKind } from './client-certificate-kind.ts';
import { starPattern } from './star-pattern.ts';

const BILLING: ClientCertificate = {
  subject: 'O=Shop, CN=billing',
  names: ['billing.shop.test'],
  uris: ['spiffe://shop.test/ns/prod/sa/billing'],
  emails: [],
  serial: '4001',
  fingerprint: 'ab'.repeat(32),
  expiresAt: Date.UTC(2030, 0, 2),
  der: Buffer.from('certificate'),
};
const shown = (certificate: Partial<ClientCertificate> = {}): ClientProof => ({
  kind: 'trusted',
  certificate: { ...BILLING, ...certificate },
});

function world(options: object = {}) {
  const made = filterWorld();
  const spec = clientCertificateKind.schema.parse({ type: 'client-certificate', ...options });
  const filter = clientCertificateKind.make(spec, made);
  return {
    ...made,
    ask(clientProof: ClientProof | undefined, facts: TestFacts = {}) {
      const passage = made.passage({ ...facts, clientProof });
      return { passage, verdict: filter.request?.(passage) };
    },
  };
}

test('who asks is what the certificate is for, and what clients say of certificates goes nowhere', () => {
  const { passage, verdict } = world().ask(shown(), {
    headers: { 'client-cert': ':YQ==:', 'client-cert-chain': ':YQ==:' },
  });
  expect(verdict).toBeUndefined();
  expect(passage.identity).toMatchObject({
    consumer: 'spiffe://shop.test/ns/prod/sa/billing',
    subject: 'spiffe://shop.test/ns/prod/sa/billing',
    claims: { serial: '4001', names: ['billing.shop.test'] },
  });
  expect(Object.fromEntries(passage.upstream)).toEqual({ 'client-cert': undefined, 'client-cert-chain': undefined });
  const names = world().ask(shown({ uris: [] })).passage.identity;
  expect(names?.subject).toBe('billing.shop.test');
  expect(world().ask(shown({ uris: [], names: [] })).passage.identity?.subject).toBe('O=Shop, CN=billing');
});

test('the certificate goes upstream when that is asked for, as RFC 9440 writes it', () => {
  const { passage } = world({ forward: true }).ask(shown());
  expect(passage.upstream.get('client-cert')).toBe(`:${Buffer.from('certificate').toString('base64')}:`);
  const nobody = world({ forward: true, optional: true }).ask(undefined, { headers: { 'client-cert': ':YQ==:' } });
  expect(nobody.verdict).toBeUndefined();
  expect(nobody.passage.upstream.get('client-cert')).toBeUndefined();
});

test('without a certificate, with one that is not trusted, or no longer, nobody passes, optional or not', async () => {
  for (const optional of [false, true]) {
    const { ask, clock } = world({ optional });
    expect(ask(undefined).verdict?.['cause' as never]).toBe(optional ? undefined : 'CERTIFICATE_MISSING');
    expect(ask({ kind: 'untrusted', reason: 'CERT_HAS_EXPIRED' }).verdict).toMatchObject({
      status: 401,
      cause: 'CERTIFICATE_UNTRUSTED',
      members: { reason: 'CERT_HAS_EXPIRED' },
    });
    // The connection lasts longer than the certificate.
    await clock.advance(24 * 3_600_000);
    expect(ask(shown()).verdict).toMatchObject({ status: 401, cause: 'CERTIFICATE_EXPIRED' });
  }
});

test('of those that are allowed, the first one that fits says who it is; all that it says must fit', () => {
  const { ask } = world({
    allow: [
      { uri: 'spiffe://shop.test/ns/*/sa/billing', fingerprint: 'CD'.repeat(32), consumer: 'nobody' },
      {
        uri: 'spiffe://shop.test/ns/*/sa/billing',
        name: '*.SHOP.test',
        consumer: 'billing',
        tenant: 'acme',
        roles: ['clerk'],
      },
      { subject: 'O=Shop, CN=*', consumer: 'shop' },
      { fingerprint: 'EF:'.repeat(31) + 'ef', consumer: 'partner' },
    ],
  });
  expect(ask(shown()).passage.identity).toMatchObject({ consumer: 'billing', tenant: 'acme', roles: ['clerk'] });
  expect(ask(shown({ uris: [] })).passage.identity?.consumer).toBe('shop');
  const partner = ask(shown({ uris: [], subject: 'CN=other', fingerprint: 'ef'.repeat(32) }));
  expect(partner.passage.identity?.consumer).toBe('partner');
  const stranger = ask(shown({ uris: ['spiffe://shop.test/ns/prod/sa/billing/x'], subject: 'O=Shop, CN=a, CN=b' }));
  expect(stranger.verdict).toMatchObject({ status: 403, cause: 'CERTIFICATE_REFUSED' });
  expect(stranger.passage.identity).toBeUndefined();
});

test.each([
  [
    'spiffe://a/ns/*/sa/b',
    '/',
    ['spiffe://a/ns/x/sa/b'],
    ['spiffe://a/ns//sa/b', 'spiffe://a/ns/x/y/sa/b', 'spiffe://a/ns/x/sa/b/', 'xspiffe://a/ns/x/sa/b'],
  ],
  ['*.shop.test', '.', ['a.shop.test'], ['shop.test', 'a.b.shop.test', '.shop.test', 'a.shop.test.evil']],
  ['a*b*c', '/', ['axbxc', 'axbbxc', 'abbbc'], ['abc', 'axbc', 'axxc', 'axbxcx']],
  ['plain', '/', ['plain'], ['plainer', 'plai', '']],
])('%s is as it says', (pattern, divider, yes, no) => {
  const fits = starPattern(pattern, divider);
  expect(yes.filter((text) => !fits(text))).toEqual([]);
  expect(no.filter((text) => fits(text))).toEqual([]);
});

test.each([
  ['an entry that is everybody', { allow: [{ consumer: 'a' }] }, 'would be every certificate'],
  ['a fingerprint that is none', { allow: [{ fingerprint: 'ab' }] }, '64 hexadecimal digits'],
  ['nobody', { allow: [] }, ''],
])('%s is refused', (_what, options, message) => {
  const read = clientCertificateKind.schema.safeParse({ type: 'client-certificate', ...options });
  expect(read.success).toBe(false);
  expect(JSON.stringify(read.error?.issues)).toContain(message);
});
