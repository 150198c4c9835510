import { decodeProtectedHeader, jwtVerify, type JWK, type JWTPayload } from 'jose';
import type { Clock } from '@fairlead/core';
import type { FilterWorld, LocalAnswer } from '../../engine/filter.ts';
import { claimAt, claimText } from '../claims.ts';
import { faultOf, KEYS_UNAVAILABLE, timeFault, tokenInvalid } from './jwt-fault.ts';
import { identityOf } from './jwt-identity.ts';
import type { ResolvedJwtSpec } from './jwt-spec.ts';
import { fetchJwks } from './jwks-url.ts';
import { readKeySet, type VerificationKey } from './key-set.ts';
import { keySource, type KeySource } from './key-source.ts';
import { VerifiedTokens, type VerifiedToken } from './verified-tokens.ts';

/** Verifies tokens, by its own keys; outlives the filters that use it. */
export class JwtVerifier {
  readonly #spec: ResolvedJwtSpec;
  readonly #keys: KeySource;
  readonly #tokens: VerifiedTokens;
  readonly #clock: Clock;
  #verifiedUnder: string | undefined;

  /** `publisher` gives the keys instead of `spec.jwks`. */
  constructor(
    spec: ResolvedJwtSpec,
    { clock, random, telemetry }: Pick<FilterWorld, 'clock' | 'random' | 'telemetry'>,
    publisher?: (signal: AbortSignal) => Promise<{ readonly keys: readonly JWK[] }>,
  ) {
    this.#spec = spec;
    this.#clock = clock;
    this.#tokens = new VerifiedTokens(spec.cacheTokens);
    const { algorithms, jwks, keys = [] } = spec;
    // `as`: readKeySet looks at every member before it is used.
    const written = { keys: keys as readonly JWK[] };
    const isWritten = jwks === undefined && publisher === undefined;
    this.#keys = keySource({
      fetch:
        publisher ??
        ((signal) => (jwks === undefined ? Promise.resolve(written) : fetchJwks(jwks, signal, { clock, random }))),
      read: (fetched) => readKeySet(fetched, { algorithms, secrets: isWritten }),
      maxAgeMs: isWritten ? Infinity : spec.maxAgeMs,
      cooldownMs: spec.cooldownMs,
      clock,
      random,
      log: telemetry.log,
    });
  }

  /** Whether there are keys. */
  get hasKeys(): boolean {
    return this.#keys.current() !== undefined;
  }

  /** What is known of a token that was verified before, and is valid now. */
  known(token: string): VerifiedToken | undefined {
    const fingerprint = this.#keys.current()?.fingerprint;
    if (fingerprint !== this.#verifiedUnder) {
      this.#tokens.clear();
      this.#verifiedUnder = fingerprint;
    }
    return this.#tokens.get(token, this.#clock.now());
  }

  /** Verifies a token; an answer says what is wrong with it. */
  async verify(token: string): Promise<VerifiedToken | LocalAnswer> {
    const found = await this.#keyFor(token);
    if ('cause' in found) return found;
    const verifiedUnder = this.#keys.current()?.fingerprint;
    const { headers, clockSkewMs } = this.#spec;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, found.key, this.#demands(found)));
    } catch (error) {
      return faultOf(error);
    }
    const endless = timeFault(payload);
    if (endless !== undefined) return endless;
    const read = identityOf(payload, this.#spec);
    if ('fault' in read) return read.fault;
    const { exp = Infinity, nbf = -Infinity } = payload;
    const verified = {
      identity: read.identity,
      expiresAt: exp * 1_000 + clockSkewMs,
      notBefore: nbf * 1_000 - clockSkewMs,
      upstream: headers.map(([, claim]) => claimText(claimAt(payload, claim))),
    };
    // Verified under keys that have changed meanwhile: good for this request only.
    if (verifiedUnder === this.#verifiedUnder) this.#tokens.set(token, verified);
    return verified;
  }

  #demands({ algorithm }: VerificationKey) {
    const { issuer, audience, clockSkewMs, requireExpiry, require, claims } = this.#spec;
    return {
      algorithms: [algorithm],
      issuer,
      audience: [...audience],
      clockTolerance: clockSkewMs / 1_000,
      currentDate: new Date(this.#clock.now()),
      requiredClaims: [
        ...(requireExpiry ? ['exp'] : []),
        ...(require.subject ? [claims.subject] : []),
        ...(require.tenant ? [claims.tenant] : []),
      ],
    };
  }

  async #keyFor(token: string): Promise<VerificationKey | LocalAnswer> {
    let header;
    try {
      header = decodeProtectedHeader(token);
    } catch {
      return tokenInvalid('malformed', "The token's header can't be read.");
    }
    const { kid, alg = 'none' } = header;
    if (this.#keys.current() === undefined && (await this.#keys.refreshed()) === undefined) return KEYS_UNAVAILABLE;
    const known = this.#keys.current()?.find(kid, alg);
    if (known !== undefined) return known;
    if (!mayBeOurs(alg, this.#spec))
      return tokenInvalid('algorithm', `Tokens signed with ${JSON.stringify(alg)} are not accepted.`);
    // The key may be newer than those at hand.
    const fresh = (await this.#keys.refreshed())?.find(kid, alg);
    return fresh ?? tokenInvalid('unknown-key', "No key that is trusted here belongs to this token's kid and alg.");
  }

  /** Ends fetching. */
  close(): void {
    this.#keys.close();
  }
}

/** Whether there could be a key for the algorithm. */
function mayBeOurs(alg: string, { algorithms, jwks }: ResolvedJwtSpec): boolean {
  if (algorithms !== undefined) return algorithms.some((name) => name === alg);
  return (
    alg === 'EdDSA' ||
    /^(?:RS|PS|ES)(?:256|384|512)$/.test(alg) ||
    (jwks === undefined && /^HS(?:256|384|512)$/.test(alg))
  );
}
