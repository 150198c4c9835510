import { generateKeyPairSync } from 'node:crypto';
import { virtualClock } from '@fairlead/core';
import { compactVerify, importJWK, type JWK } from 'jose';
import { expect, test } from 'vitest';
import { acmeAccount } from './acme-account.ts';
import type { AcmeAnswer, AcmeRequest } from './acme-transport.ts';

const DIRECTORY = 'https://acme.test/dir';
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

interface Signed {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** An authority that gives each nonce once, and answers posts by `answer`. */
function authority(
  answer: (
    url: string,
    header: Record<string, unknown>,
    count: number,
  ) => Partial<AcmeAnswer> & { retryAfter?: string },
) {
  const posts: { readonly url: string; readonly header: Record<string, unknown>; readonly payload: string }[] = [];
  let nonces = 0;
  const transport = async ({ method, url, body }: AcmeRequest): Promise<AcmeAnswer> => {
    const fields: Record<string, string> = { 'replay-nonce': `nonce-${(nonces += 1)}` };
    const made = (status: number, text: string): AcmeAnswer => ({ status, body: text, field: (name) => fields[name] });
    if (url === DIRECTORY && method === 'GET')
      return made(
        200,
        JSON.stringify({ newNonce: 'https://acme.test/nonce', newAccount: 'https://acme.test/account' }),
      );
    if (method === 'HEAD') return made(200, '');
    const signed = JSON.parse(body ?? '') as Signed;
    const header = JSON.parse(Buffer.from(signed.protected, 'base64url').toString()) as Record<string, unknown>;
    posts.push({ url, header, payload: Buffer.from(signed.payload, 'base64url').toString() });
    if (header['jwk'] !== undefined)
      await compactVerify(
        `${signed.protected}.${signed.payload}.${signed.signature}`,
        await importJWK(header['jwk'] as JWK, 'ES256'),
      );
    const { status = 200, body: text = '{}', retryAfter } = answer(url, header, posts.length);
    if (retryAfter !== undefined) fields['retry-after'] = retryAfter;
    if (url.endsWith('/account')) fields['location'] = 'https://acme.test/account/7';
    return made(status, text);
  };
  return { posts, transport };
}

const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
const open = (transport: (request: AcmeRequest) => Promise<AcmeAnswer>, eab?: { keyId: string; key: string }) =>
  acmeAccount(
    { directory: DIRECTORY, key: KEY, contact: ['ops@shop.test'], eab, transport, clock },
    new AbortController().signal,
  );

test('an account is opened with its key, and what follows is signed in its name, each with a nonce of its own', async () => {
  const { posts, transport } = authority(() => ({}));
  const account = await open(transport);
  await account.post('https://acme.test/order/1', undefined);
  await account.post('https://acme.test/order/1', {});
  expect(posts.map(({ payload }) => payload)).toEqual([
    JSON.stringify({ termsOfServiceAgreed: true, contact: ['mailto:ops@shop.test'] }),
    '',
    '{}',
  ]);
  expect(posts[0]?.header).toMatchObject({ alg: 'ES256', url: 'https://acme.test/account', jwk: { kty: 'EC' } });
  expect(posts[1]?.header).toMatchObject({ kid: 'https://acme.test/account/7' });
  expect(posts[1]?.header).not.toHaveProperty('jwk');
  expect(new Set(posts.map(({ header }) => header['nonce'])).size).toBe(3);
});

test('a nonce that is rejected is replaced by the one that comes with the rejection, but not for ever', async () => {
  const bad = { status: 400, body: '{"type":"urn:ietf:params:acme:error:badNonce"}' };
  const { posts, transport } = authority((_url, _header, count) => (count < 4 ? bad : {}));
  await open(transport);
  expect(posts).toHaveLength(4);
  await expect(open(authority(() => bad).transport)).rejects.toMatchObject({ code: 'ACME_REFUSED' });
});

test('what is refused is told in the words of the authority, with its Retry-After', async () => {
  const refused = (retryAfter: string) =>
    open(
      authority(() => ({
        status: 429,
        body: '{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates"}',
        retryAfter,
      })).transport,
    );
  const error = { code: 'ACME_REFUSED', message: expect.stringContaining('429: too many certificates') as string };
  await expect(refused('3600')).rejects.toMatchObject({ ...error, retryAfterMs: 3_600_000 });
  await expect(refused('Tue, 01 Jan 2030 02:00:00 GMT')).rejects.toMatchObject({ ...error, retryAfterMs: 7_200_000 });
  await expect(refused('soon')).rejects.toMatchObject({ ...error, retryAfterMs: undefined });
});

test('an account is bound to one that is there by the key that was given for that', async () => {
  const { posts, transport } = authority(() => ({}));
  const key = Buffer.from('a key of 32 bytes, as it is given').toString('base64url');
  await open(transport, { keyId: 'kid-1', key: `${key}\n` });
  const { externalAccountBinding: bound } = JSON.parse(posts[0]?.payload ?? '') as { externalAccountBinding: Signed };
  const { payload, protectedHeader } = await compactVerify(
    `${bound.protected}.${bound.payload}.${bound.signature}`,
    Buffer.from(key, 'base64url'),
  );
  expect(protectedHeader).toEqual({ alg: 'HS256', kid: 'kid-1', url: 'https://acme.test/account' });
  expect(JSON.parse(Buffer.from(payload).toString())).toEqual(posts[0]?.header['jwk']);
});

test.each([
  ['no JSON', '<html>', 'no JSON'],
  ['another thing', '{}', 'no directory of ACME'],
])('a URL where %s is, is told of', async (_what, body, message) => {
  const transport = () => Promise.resolve({ status: 200, body, field: () => undefined });
  await expect(open(transport)).rejects.toThrow(message);
});
