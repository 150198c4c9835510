import type { Clock } from '@fairlead/core';
import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWK, type JWTPayload } from 'jose';
import type { Identity, LocalAnswer } from '../../engine/filter.ts';
import { ProvenIdentity } from '../../engine/proven-identity.ts';
import { consumerIdentity } from '../consumer.ts';
import { checkedToken } from '../jwt/bearer-token.ts';
import { faultOf, timeFault, tokenInvalid } from '../jwt/jwt-fault.ts';
import { readKeySet, type KeySet } from '../jwt/key-set.ts';
import { VerifiedTokens } from '../jwt/verified-tokens.ts';
import type { ConsumerTokenSpec } from './consumer-token-spec.ts';

type Consumer = ConsumerTokenSpec['consumers'][number];

const DEFAULT_SKEW_MS = 60_000;
const DEFAULT_CACHE = 10_000;

/** Verifies tokens of consumers; outlives the filters that use it. */
export class ConsumerTokens {
  readonly #spec: ConsumerTokenSpec;
  readonly #clock: Clock;
  readonly #skewMs: number;
  readonly #byIssuer: ReadonlyMap<string, Consumer>;
  /** Keys are read when the first token of their consumer comes: there may be many consumers. */
  readonly #keys = new Map<Consumer, Promise<KeySet>>();
  readonly #verified: VerifiedTokens;

  constructor(spec: ConsumerTokenSpec, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
    this.#skewMs = spec.clockSkew ?? DEFAULT_SKEW_MS;
    this.#byIssuer = new Map(spec.consumers.map((consumer) => [consumer.issuer, consumer]));
    this.#verified = new VerifiedTokens(spec.cache ?? DEFAULT_CACHE);
  }

  /** Who a token is of that was verified before, and is valid now. */
  known(token: string): Identity | undefined {
    return this.#verified.get(token, this.#clock.now())?.identity;
  }

  /** Who a token is of, or what is wrong with it. */
  async verify(text: string): Promise<Identity | LocalAnswer> {
    const token = checkedToken(text);
    if (typeof token !== 'string') return token;
    const read = this.#read(token);
    if ('status' in read) return read;
    const { consumer, alg } = read;
    const key = (await this.#keysOf(consumer)).find(undefined, alg);
    if (key === undefined)
      return tokenInvalid('algorithm', `Tokens of this issuer are not signed with ${JSON.stringify(alg)}.`);
    const { audience, requireExpiry = true, requireNotBefore = false, maxLifetime } = this.#spec;
    const nowMs = this.#clock.now();
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, key.key, {
        algorithms: [key.algorithm],
        ...(audience === undefined ? {} : { audience: [audience].flat() }),
        clockTolerance: this.#skewMs / 1_000,
        currentDate: new Date(nowMs),
        requiredClaims: [...(requireExpiry ? ['exp'] : []), ...(requireNotBefore ? ['nbf'] : [])],
      }));
    } catch (error) {
      return faultOf(error);
    }
    const endless = timeFault(payload);
    if (endless !== undefined) return endless;
    const { exp = Infinity, nbf = -Infinity } = payload;
    if (maxLifetime !== undefined && exp * 1_000 - nowMs > maxLifetime)
      return tokenInvalid(
        'claims',
        `The claim "exp" is further away than ${maxLifetime / 1_000} s; get a token for less.`,
      );
    const identity = identityOf(consumer, payload);
    this.#verified.set(token, {
      identity,
      expiresAt: exp * 1_000 + this.#skewMs,
      notBefore: nbf * 1_000 - this.#skewMs,
      upstream: [],
    });
    return identity;
  }

  /** Whose a token says it is, and how it says it is signed; nothing of it is proved yet. */
  #read(token: string): { readonly consumer: Consumer; readonly alg: string } | LocalAnswer {
    const { issuerClaim = 'iss' } = this.#spec;
    let issuer: unknown;
    let alg = 'none';
    try {
      const header = decodeProtectedHeader(token);
      alg = header.alg ?? alg;
      issuer = decodeJwt(token)[issuerClaim] ?? header[issuerClaim];
    } catch {
      return tokenInvalid('malformed', "The token can't be read.");
    }
    const consumer = typeof issuer === 'string' ? this.#byIssuer.get(issuer) : undefined;
    return consumer === undefined
      ? tokenInvalid('issuer', `Nobody is known here by what the token says as "${issuerClaim}".`)
      : { consumer, alg };
  }

  #keysOf(consumer: Consumer): Promise<KeySet> {
    // `as`: readKeySet looks at every member before it is used.
    const keys = this.#keys.get(consumer) ?? readKeySet({ keys: consumer.keys as readonly JWK[] }, { secrets: true });
    this.#keys.set(consumer, keys);
    return keys;
  }
}

/** What a consumer writes into its token says nothing of who it is here. */
function identityOf(consumer: Consumer, payload: JWTPayload): Identity {
  const who = consumerIdentity(consumer);
  const said = Object.entries(payload).filter(([claim]) => claim !== 'about' && !claim.startsWith('about.'));
  return new ProvenIdentity({
    ...who,
    subject: typeof payload.sub === 'string' && payload.sub !== '' ? payload.sub : undefined,
    claims: { ...Object.fromEntries(said), ...who.claims },
  });
}
