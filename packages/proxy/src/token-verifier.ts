import type { Clock, FairleadError } from '@fairlead/core';
import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { fail } from './errors.ts';
import type { TokenFault } from './errors.ts';
import type { VerificationKey } from './filters/jwt/key-set.ts';
import type { KeySource } from './filters/jwt/key-source.ts';
import { tokenCache } from './token-cache.ts';
import type { Identity } from './token-cache.ts';

/** What a verifier needs. */
export interface TokenVerifierOptions {
  readonly keys: KeySource;
  readonly issuer: string;
  readonly audience: string;
  /** The platform's tenants; empty allows any. */
  readonly tenants: readonly string[];
  readonly clock: Clock;
  /** Verified tokens kept. 0 keeps none. */
  readonly cacheSize: number;
}

/** Tells who holds a token. */
export interface TokenVerifier {
  /**
   * The identity in an `Authorization` header.
   * @throws TOKEN_MISSING, TOKEN_INVALID (with `reason`), TOKEN_EXPIRED, KEYS_UNAVAILABLE
   */
  verify(authorization: string | undefined): Promise<Identity>;
}

const MAX_TOKEN_LENGTH = 8 * 1024;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const SUBJECT_MAX_LENGTH = 256;
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const MAX_ROLES = 32;

/**
 * Verifies bearer tokens (RFC 6750, RFC 7519) against the platform's keys. The key decides the algorithm, never the
 * token; `iss`, `aud`, `exp`, `sub` and `tenant` must be there, and the tenant be one of the platform's; times are compared on the injected clock without
 * tolerance.
 */
export function tokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { keys, clock } = options;
  const cache = tokenCache(options.cacheSize);
  const tenants = new Set(options.tenants);
  let cachedUnder: string | undefined;

  async function keyFor(token: string): Promise<VerificationKey> {
    const { kid, alg } = headerOf(token);
    if (alg !== 'EdDSA' && alg !== 'ES256' && alg !== 'RS256')
      throw invalid('algorithm', `Tokens signed with ${JSON.stringify(alg)} are not accepted.`);
    const known = keys.current()?.find(kid, alg);
    if (known !== undefined) return known;
    const fresh = await keys.refreshed();
    if (fresh === undefined) {
      throw fail(
        'KEYS_UNAVAILABLE',
        "The platform's public keys have not been fetched yet, so no token can be verified.",
        { retryAfterMs: 1_000 },
      );
    }
    const found = fresh.find(kid, alg);
    if (found === undefined)
      throw invalid('unknown-key', "No public key of the platform belongs to this token's kid and alg.");
    return found;
  }

  return {
    async verify(authorization) {
      const token = bearer(authorization);
      const fingerprint = keys.current()?.fingerprint;
      if (fingerprint !== cachedUnder) {
        cache.clear();
        cachedUnder = fingerprint;
      }
      const cached = cache.get(token, clock.now());
      if (cached !== undefined) return cached;
      const { key, algorithm } = await keyFor(token);
      const verifiedUnder = keys.current()?.fingerprint;
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        issuer: options.issuer,
        audience: options.audience,
        requiredClaims: ['exp', 'sub', 'tenant'],
        currentDate: new Date(clock.now()),
      }).catch((error: unknown) => {
        throw asTokenError(error);
      });
      const identity = identityOf(payload);
      if (tenants.size > 0 && !tenants.has(identity.tenant))
        throw invalid(
          'tenant',
          `The platform has no tenant ${JSON.stringify(identity.tenant)}; get a token for one of its tenants.`,
        );
      // Verified under keys that have changed meanwhile: good for this request only.
      if (verifiedUnder === cachedUnder) cache.set(token, identity);
      return identity;
    },
  };
}

function bearer(authorization: string | undefined): string {
  if (authorization === undefined) throw fail('TOKEN_MISSING', 'Send a token: Authorization: Bearer <token>.');
  const match = /^bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*) *$/i.exec(authorization);
  if (match?.[1] !== undefined && match[1].length <= MAX_TOKEN_LENGTH) return match[1];
  if (/^bearer(?: |$)/i.test(authorization))
    throw invalid('malformed', 'What follows Bearer is no signed JWT of a reasonable length.');
  throw fail('TOKEN_MISSING', 'Send a token of the scheme Bearer: Authorization: Bearer <token>.');
}

function headerOf(token: string): { readonly kid: string | undefined; readonly alg: string | undefined } {
  try {
    const { kid, alg } = decodeProtectedHeader(token);
    return { kid, alg };
  } catch {
    throw invalid('malformed', "The token's header can't be read.");
  }
}

function identityOf(payload: JWTPayload): Identity {
  const { sub, exp = 0, nbf = 0 } = payload;
  const tenant = payload['tenant'];
  const roles = payload['roles'] ?? [];
  if (typeof tenant !== 'string' || !TENANT.test(tenant))
    throw invalid('claims', 'The claim "tenant" must be letters, digits and ._- (at most 63).');
  if (typeof sub !== 'string' || sub === '' || sub.length > SUBJECT_MAX_LENGTH)
    throw invalid('claims', 'The claim "sub" must have 1 to 256 characters.');
  if (
    !Array.isArray(roles) ||
    roles.length > MAX_ROLES ||
    !roles.every((role): role is string => typeof role === 'string' && ROLE.test(role))
  ) {
    throw invalid('claims', 'The claim "roles" must be a list of at most 32 names of letters, digits and ._:- each.');
  }
  return { tenant, subject: sub, roles: Object.freeze([...roles]), expiresAt: exp * 1_000, notBefore: nbf * 1_000 };
}

function asTokenError(error: unknown): FairleadError {
  if (error instanceof errors.JWTExpired) return fail('TOKEN_EXPIRED', 'The token has expired; get a new one.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return invalid('issuer', 'The token was not issued by this platform.');
    if (error.claim === 'aud') return invalid('audience', 'The token is not meant for this gateway.');
    if (error.claim === 'nbf' && error.reason === 'check_failed')
      return invalid('not-yet-valid', 'The token is not valid yet.');
    return invalid('claims', `The claim "${error.claim}" is missing or malformed.`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return invalid('signature', "The token's signature is wrong.");
  return invalid('malformed', "The token can't be read.", error);
}

function invalid(reason: TokenFault, message: string, cause?: unknown): FairleadError {
  return fail('TOKEN_INVALID', message, { details: { reason }, ...(cause === undefined ? {} : { cause }) });
}
