import { chmod } from 'node:fs/promises';
import { nearest, type Clock } from '@fairlead/core';
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  type CryptoKey,
  type JSONWebKeySet,
  type JWK,
} from 'jose';
import { fail } from '../errors.ts';
import type { PlatformIdentity } from '../identity.ts';
import type { TokenRequest } from '../running-platform.ts';
import { readSecretJson, replaceFile } from '../supervisor/data-dir.ts';

/** The longest that a development token may live, in seconds: 30 days. */
export const MAX_TTL_SECONDS = 30 * 24 * 3600;

/** What an issuer needs. */
export interface TokenIssuerOptions {
  readonly identity: PlatformIdentity;
  /** File of the private key (0600), made the first time, so that tokens outlive the process. */
  readonly keyFile: string;
  /** The tenants of the blueprint; empty allows any. */
  readonly tenants: readonly string[];
  readonly clock: Clock;
}

/** Signs development tokens. */
export interface TokenIssuer {
  /** The public key. */
  readonly jwks: JSONWebKeySet;
  /**
   * A signed JWT with `iss`, `aud`, `sub`, `tenant`, `roles`, `iat` and `exp`.
   * @throws UNKNOWN_TENANT when the blueprint has no such tenant
   * @throws INVALID_INPUT when a field is out of its range
   */
  issue(request: TokenRequest): Promise<{ readonly token: string; readonly expiresAt: number }>;
}

const ALG = 'ES256';

async function readKey(file: string): Promise<JWK | undefined> {
  // Written by `makeKey` below; whether it is a key at all is decided by `importJWK`, which throws otherwise.
  const jwk = (await readSecretJson(file)) as JWK | undefined;
  if (jwk !== undefined) await chmod(file, 0o600);
  return jwk;
}

async function makeKey(file: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALG, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key: JWK = { ...jwk, alg: ALG, use: 'sig', kid: await calculateJwkThumbprint(jwk) };
  await replaceFile(file, `${JSON.stringify(key)}\n`);
  return key;
}

/** The public half, named one by one so that nothing private can slip through. */
function publicHalf({ kty, crv, x, y, kid }: JWK): JWK {
  return { kty, crv, x, y, kid, alg: ALG, use: 'sig' } as JWK; // the fields that every EC key of ours has
}

function checkRequest(
  { tenant, subject, roles = [], ttlSeconds = 3600 }: TokenRequest,
  tenants: readonly string[],
): void {
  if (tenants.length > 0 && !tenants.includes(tenant)) {
    const near = nearest(tenant, tenants);
    const hint = near === undefined ? `It has: ${tenants.join(', ')}.` : `Did you mean "${near}"?`;
    throw fail('UNKNOWN_TENANT', `The platform has no tenant "${tenant}". ${hint}`, { details: { tenants } });
  }
  if (tenant === '' || subject === '' || roles.some((role) => role === '')) {
    throw fail('INVALID_INPUT', 'tenant, subject and roles must not be empty.');
  }
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS) {
    throw fail('INVALID_INPUT', `The time to live must be 1 s to 30 days, not ${ttlSeconds} s.`);
  }
}

/**
 * Opens the issuer of a platform, making its key if there is none.
 * @throws SECRET_UNREADABLE when there is one that can't be read
 */
export async function openTokenIssuer(options: TokenIssuerOptions): Promise<TokenIssuer> {
  const { identity, clock, tenants } = options;
  const jwk = (await readKey(options.keyFile)) ?? (await makeKey(options.keyFile));
  // An EC key gives a CryptoKey; only symmetric ones give bytes.
  const key = (await importJWK(jwk, ALG)) as CryptoKey;
  const kid = jwk.kid ?? (await calculateJwkThumbprint(jwk));
  return {
    jwks: { keys: [publicHalf({ ...jwk, kid })] },
    async issue(request) {
      checkRequest(request, tenants);
      const now = Math.floor(clock.now() / 1000);
      const exp = now + (request.ttlSeconds ?? 3600);
      const token = await new SignJWT({ tenant: request.tenant, roles: [...(request.roles ?? [])] })
        .setProtectedHeader({ alg: ALG, kid, typ: 'JWT' })
        .setIssuer(identity.issuer)
        .setAudience(identity.audience)
        .setSubject(request.subject)
        .setIssuedAt(now)
        .setExpirationTime(exp)
        .sign(key);
      return { token, expiresAt: exp * 1000 };
    },
  };
}
