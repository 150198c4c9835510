import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testCertificate } from '@fairlead/net/testing';
import { EVERYTHING } from './everything.ts';
import type { ForeignExtras } from './foreign-proxy.ts';
import type { LoadOptions } from './requests.ts';

/** What a proxy is measured with. */
export const SCENE_NAMES = [
  'plain',
  'plain-private',
  'secured',
  'tls',
  'bulk',
  'bulk-private',
  'routes-10',
  'routes-10k',
  'cache-hit',
  'cache-miss',
  'cache-unstored',
] as const;

/** One of `SCENE_NAMES`. */
export type SceneName = (typeof SCENE_NAMES)[number];

/** The same for every proxy: what it is to do, and what it is asked. */
export interface Scene {
  /** Our configuration, in front of an origin of a port. */
  snapshot(originPort: number): unknown;
  /** Further environment of ours. */
  readonly env: Readonly<Record<string, string>>;
  /** What other proxies are to do besides forwarding. */
  readonly extras: ForeignExtras;
  readonly load: Omit<LoadOptions, 'to'>;
  /** Relative to bench/. */
  readonly origin: string;
}

/** A body of a bulk request, and of its answer. */
export const BULK_BYTES = 1024 * 1024;
const CONNECTIONS = 64;
const BULK_CONNECTIONS = 8;
const TOKENS = 1_000;
const ROTATED_ROUTES = 1_000;
const ISSUER = 'https://login.shop.test';
const AUDIENCE = 'shop';
/** What a browser sends, about. */
const HEADERS = {
  'user-agent': 'load/1.0 (linux; x64) like gecko',
  accept: 'application/json, text/plain, */*',
  'accept-encoding': 'gzip, deflate, br',
  'accept-language': 'en-US,en;q=0.9',
  cookie: 'session=0123456789abcdef0123456789abcdef',
};
const PATH = '/orders/123?expand=items';
const LOAD = { connections: CONNECTIONS, method: 'GET', path: PATH, headers: HEADERS, body: '' } as const;

/** Makes a scene, with its keys and certificates in a folder. */
export function gatewayScene(name: SceneName, folder: string): Scene {
  const plain: Scene = {
    snapshot: (originPort) => snapshot(originPort),
    env: {},
    extras: {},
    load: LOAD,
    origin: 'servers/origin.ts',
  };
  switch (name) {
    case 'plain':
      return plain;
    case 'plain-private':
      return { ...plain, ...privately() };
    case 'secured':
      return { ...plain, ...secured(folder) };
    case 'tls':
      return { ...plain, ...tls(folder) };
    case 'bulk':
      return { ...plain, ...bulk() };
    case 'bulk-private':
      return { ...plain, ...bulk(), ...privately() };
    case 'cache-hit':
      return { ...plain, ...cache('hit') };
    case 'cache-miss':
      return { ...plain, ...cache('miss') };
    case 'cache-unstored':
      return { ...plain, ...cache('unstored') };
    case 'routes-10':
      return { ...plain, ...routes(10) };
    case 'routes-10k':
      return { ...plain, ...routes(10_000) };
  }
}

function snapshot(originPort: number, listener: object = {}, filters: readonly object[] = [], routes = ORDERS): object {
  return {
    listeners: [{ name: 'web', address: '127.0.0.1:0', ...listener }],
    filters,
    routes: routes.map((route) => ({ ...route, to: 'orders', maxBody: '8MiB' })),
    clusters: { orders: { endpoints: [`http://127.0.0.1:${originPort}`] } },
  };
}

/** Read by the handles that Node promises nobody. */
function privately(): Pick<Scene, 'snapshot'> {
  return { snapshot: (originPort) => snapshot(originPort, { privateHandles: true }) };
}

function bulk(): Pick<Scene, 'extras' | 'load' | 'origin'> {
  return {
    extras: { isBulk: true },
    load: { ...LOAD, connections: BULK_CONNECTIONS, method: 'POST', body: 'x'.repeat(BULK_BYTES) },
    origin: 'servers/bulk-origin.ts',
  };
}

const ORDERS: readonly object[] = [{ name: 'orders', match: { path: '/orders' } }];

/** Tokens of as many subjects; a limit that nobody reaches, counted for each; a line for each request. */
function secured(folder: string): Pick<Scene, 'snapshot' | 'env' | 'extras' | 'load'> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeyFile = join(folder, 'public.pem');
  writeFileSync(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor((performance.timeOrigin + performance.now()) / 1_000) + 3_600;
  const tokens = Array.from({ length: TOKENS }, (_, index) => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: `buyer-${index}`, tenant: 'acme', exp };
    const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: 'k1' })}.${part(claims)}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
  });
  const filters = [
    { type: 'jwt', issuer: ISSUER, audience: AUDIENCE, keys: [key], algorithms: ['RS256'] },
    { type: 'rate-limit', by: 'subject', rates: ['1000000/s'], headers: false },
  ];
  return {
    snapshot: (originPort) => snapshot(originPort, {}, filters),
    env: { FAIRLEAD_ACCESS_LINES: EVERYTHING.FAIRLEAD_ACCESS_LINES },
    extras: { secured: { publicKeyFile, issuer: ISSUER, audience: AUDIENCE } },
    load: { ...LOAD, variants: tokens.map((token) => ({ headers: { authorization: `Bearer ${token}` } })) },
  };
}

function tls(folder: string): Pick<Scene, 'snapshot' | 'extras' | 'load'> {
  const { cert, key } = testCertificate({ names: ['localhost'] });
  const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  writeFileSync(certificateFile, cert);
  writeFileSync(keyFile, key);
  return {
    snapshot: (originPort) => snapshot(originPort, { tls: { certificate: certificateFile, key: keyFile, min: '1.3' } }),
    extras: { tls: { certificateFile, keyFile } },
    load: { ...LOAD, certificate: cert },
  };
}

/** One answer of a cache; only nginx misses, which its extras say. */
function cache(which: NonNullable<ForeignExtras['cache']>): Pick<Scene, 'snapshot' | 'extras' | 'origin'> {
  return {
    snapshot: (originPort) => snapshot(originPort, {}, [{ type: 'cache' }]),
    extras: { cache: which },
    origin: 'servers/cacheable-origin.ts',
  };
}

/** As many routes by prefix; requests go to a thousand of them in turn, or to all when there are fewer. */
function routes(count: number): Pick<Scene, 'snapshot' | 'load'> {
  const all = Array.from({ length: count }, (_, index) => ({
    name: `orders-${index}`,
    match: { path: `/orders-${index}` },
  }));
  const variants = Array.from({ length: ROTATED_ROUTES }, (_, index) => ({
    path: `/orders-${Math.floor((index * count) / ROTATED_ROUTES)}/123?expand=items`,
  }));
  return { snapshot: (originPort) => snapshot(originPort, {}, [], all), load: { ...LOAD, variants } };
}
