import { createHash } from 'node:crypto';
import { realClock, type Clock } from '@fairlead/core';
import type { JSONWebKeySet } from 'jose';
import * as oauth from 'oauth4webapi';
import type { FilterWorld, LocalAnswer } from '../../engine/filter.ts';
import { JwtVerifier } from '../jwt/jwt-verifier.ts';
import { ALGORITHMS } from '../jwt/key-set.ts';
import { PROVIDER_UNAVAILABLE, providerInvalid } from './oidc-fault.ts';
import type { ResolvedOidcSpec } from './oidc-spec.ts';
import { idTokenFault, providerFault } from './provider-fault.ts';
import { providerFetch, type ProviderFetch } from './provider-fetch.ts';

/** What a provider has given for a code or a refresh token, believed. */
export interface Tokens {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Milliseconds since the epoch. */
  readonly endsAt: number | undefined;
}

/** A login that was begun: what its answer must fit. */
export interface LoginAttempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** After this long metadata are asked for anew, while the old ones stay in use. */
const METADATA_AGE_MS = 3_600_000;
/** The least time between two attempts that fail. */
const COOLDOWN_MS = 1_000;

/** An OpenID Connect provider: its metadata, its keys, and what it is asked. Whatever it says is checked; what can't be believed is an answer. */
export class Provider {
  readonly #spec: ResolvedOidcSpec;
  readonly #auth: oauth.ClientAuth;
  readonly #world: Pick<FilterWorld, 'clock' | 'random' | 'telemetry'>;
  readonly #closing = new AbortController();
  readonly #fetch: ProviderFetch;
  readonly #tokens: JwtVerifier;
  #metadata: oauth.AuthorizationServer | undefined;
  #fault: LocalAnswer = PROVIDER_UNAVAILABLE;
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #underWay: Promise<void> | undefined;

  constructor(
    spec: ResolvedOidcSpec,
    auth: oauth.ClientAuth,
    world: Pick<FilterWorld, 'clock' | 'random' | 'telemetry'>,
  ) {
    this.#spec = spec;
    this.#auth = auth;
    this.#world = world;
    const { clock, random } = world;
    this.#fetch = providerFetch({ clock, random, timeoutMs: spec.timeoutMs, signal: this.#closing.signal });
    // What a person must be is looked at when all of it is known.
    const require = { claims: [], roles: undefined, scopes: [], tenant: false, subject: false };
    // A secret that is published signs nothing.
    const algorithms = ALGORITHMS.filter((name) => !name.startsWith('HS'));
    this.#tokens = new JwtVerifier({ ...spec.token, require, algorithms }, world, () => this.#publishedKeys());
  }

  /** What it says of itself, the last that could be believed; or why there is nothing. */
  async metadata(): Promise<{ readonly as: oauth.AuthorizationServer } | LocalAnswer> {
    const nowMs = this.#world.clock.monotonic();
    if (nowMs - this.#fetchedAtMs >= METADATA_AGE_MS && nowMs - this.#triedAtMs >= COOLDOWN_MS) {
      this.#underWay ??= this.#discover().finally(() => (this.#underWay = undefined));
    }
    if (this.#metadata === undefined) await this.#underWay;
    return this.#metadata === undefined ? this.#fault : { as: this.#metadata };
  }

  /** Tokens for the code that a browser has brought back, if it belongs to the login that was begun. */
  async exchange(callback: URLSearchParams, attempt: LoginAttempt): Promise<Tokens | LocalAnswer> {
    const found = await this.metadata();
    if ('cause' in found) return found;
    const { as } = found;
    const issuer = callback.get('iss');
    if (issuer !== null && issuer !== as.issuer) return providerInvalid('issuer');
    const client = this.#client();
    try {
      const believed = oauth.validateAuthResponse(as, client, callback, attempt.state);
      const { redirectUri, verifier, nonce } = attempt;
      const given = await oauth.authorizationCodeGrantRequest(
        as,
        client,
        this.#auth,
        believed,
        redirectUri,
        verifier,
        this.#options(),
      );
      const options = { expectedNonce: nonce, requireIdToken: true };
      return await this.#believe(as, await oauth.processAuthorizationCodeResponse(as, client, given, options), {});
    } catch (error) {
      return providerFault(error);
    }
  }

  /** Tokens for a refresh token; claims that it says nothing of stay. */
  async refresh(refreshToken: string, claims: Readonly<Record<string, unknown>>): Promise<Tokens | LocalAnswer> {
    const found = await this.metadata();
    if ('cause' in found) return found;
    const { as } = found;
    const client = this.#client();
    try {
      const given = await oauth.refreshTokenGrantRequest(as, client, this.#auth, refreshToken, this.#options());
      return await this.#believe(as, await oauth.processRefreshTokenResponse(as, client, given), claims);
    } catch (error) {
      return providerFault(error);
    }
  }

  /** Ends what is under way, and asks no more. */
  close(): void {
    this.#closing.abort();
    this.#tokens.close();
  }

  async #believe(
    as: oauth.AuthorizationServer,
    given: oauth.TokenEndpointResponse,
    before: Readonly<Record<string, unknown>>,
  ): Promise<Tokens | LocalAnswer> {
    const { access_token: accessToken, refresh_token: refreshToken, id_token: idToken, expires_in: forS } = given;
    let claims: Readonly<Record<string, unknown>> = before;
    if (idToken !== undefined) {
      const verified = await this.#tokens.verify(idToken);
      if ('cause' in verified) return idTokenFault(verified);
      const said = verified.identity.claims;
      if (said['at_hash'] !== undefined && !isHashOf(said['at_hash'], accessToken, idToken))
        return providerInvalid('at-hash');
      if (before['sub'] !== undefined && before['sub'] !== said['sub']) return providerInvalid('subject');
      claims = { ...before, ...said };
    }
    if (this.#spec.asksUserinfo) {
      const more = await this.#userinfo(as, accessToken, claims['sub']);
      claims = { ...more, ...claims };
    }
    const { scopes } = this.#spec.token.claims;
    if (given.scope !== undefined && !Object.hasOwn(claims, scopes)) claims = { ...claims, [scopes]: given.scope };
    const endsAt = forS === undefined ? undefined : this.#world.clock.now() + forS * 1_000;
    return { claims, accessToken, refreshToken, idToken, endsAt };
  }

  async #userinfo(as: oauth.AuthorizationServer, accessToken: string, subject: unknown) {
    const client = this.#client();
    const answer = await oauth.userInfoRequest(as, client, accessToken, this.#options());
    return oauth.processUserInfoResponse(as, client, String(subject), answer);
  }

  async #discover(): Promise<void> {
    const { clock, telemetry } = this.#world;
    const { issuer } = this.#spec;
    this.#triedAtMs = clock.monotonic();
    try {
      const url = new URL(issuer);
      const found = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, this.#options()));
      for (const needed of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
        // With an issuer without TLS, its endpoints may have none.
        const isSafe = found[needed]?.startsWith('https://') || issuer.startsWith('http://');
        if (!isSafe || !URL.canParse(found[needed] ?? '')) throw new Untrue();
      }
      this.#metadata = found;
      this.#fetchedAtMs = clock.monotonic();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#fault = error instanceof Untrue ? providerInvalid('answer') : providerFault(error);
      const { cause: code, members } = this.#fault;
      telemetry.log.warn(undefined, 'the metadata of a login provider could not be fetched', {
        issuer,
        code,
        ...members,
        stale: this.#metadata !== undefined,
      });
    }
  }

  async #publishedKeys(): Promise<JSONWebKeySet> {
    const found = await this.metadata();
    const url = 'cause' in found ? undefined : found.as.jwks_uri;
    if (url === undefined) throw new Error('Nobody says where the keys are.');
    const answer = await this.#fetch(url, { method: 'GET', headers: { accept: 'application/json' } });
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}.`);
    // `as`: readKeySet looks at every member before it is used.
    return (await answer.json()) as JSONWebKeySet;
  }

  /** oauth4webapi knows the process's time only; the difference makes it ours. */
  #client(): oauth.Client {
    const { clientId, clockSkewMs } = this.#spec;
    return {
      client_id: clientId,
      [oauth.clockTolerance]: Math.ceil(clockSkewMs / 1_000),
      [oauth.clockSkew]: Math.round((this.#world.clock.now() - PROCESS.now()) / 1_000),
    };
  }

  #options() {
    const isPlain = this.#spec.issuer.startsWith('http://');
    return { [oauth.customFetch]: this.#fetch, ...(isPlain ? { [oauth.allowInsecureRequests]: true } : {}) };
  }
}

const PROCESS: Clock = realClock();

class Untrue extends Error {}

/** Whether `at_hash` is of the access token, by the hash of the ID token's algorithm (OpenID Connect Core, section 3.1.3.6). */
function isHashOf(hash: unknown, accessToken: string, idToken: string): boolean {
  const [head = ''] = idToken.split('.');
  // `as`: the token was verified, so it has a head.
  const { alg = '' } = JSON.parse(Buffer.from(head, 'base64url').toString('utf8')) as { readonly alg?: string };
  const bits = /(?:256|384|512)$/.exec(alg)?.[0] ?? '512';
  const digest = createHash(`sha${bits}`).update(accessToken, 'ascii').digest();
  return digest.subarray(0, digest.length / 2).toString('base64url') === hash;
}
