// People who log in at an OpenID Connect provider: oidc-spec.ts what may be written; provider.ts whom it asks (provider-fetch.ts how,
// provider-fault.ts what goes wrong); logins.ts a login under way, sessions.ts those who are logged in, session.ts what is known of one,
// renewals.ts tokens that end; seal.ts and cookies.ts how browsers keep all that; own-path.ts where they may be sent back; oidc-fault.ts
// what is answered.

import type { Filter, FilterWorld, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import { claimAt, claimText } from '../claims.ts';
import { forbidden } from '../jwt/jwt-fault.ts';
import { identityOf } from '../jwt/jwt-identity.ts';
import { missingOf } from '../jwt/missing.ts';
import { isNavigation } from '../navigation.ts';
import { clearCookie, readCookies, setCookie, withoutCookies, type Cookies } from './cookies.ts';
import type { Logins } from './logins.ts';
import {
  LOGIN_LOOP,
  loginRequired,
  loginUnknown,
  LOGOUT_REFUSED,
  providerInvalid,
  sentTo,
  SESSION_TOO_LARGE,
  withCookies,
  type LoginReason,
} from './oidc-fault.ts';
import { isLoopback, type ResolvedOidcSpec } from './oidc-spec.ts';
import { ownPath } from './own-path.ts';
import type { Provider } from './provider.ts';
import type { Renewals } from './renewals.ts';
import type { Session } from './session.ts';
import type { Sessions, Standing } from './sessions.ts';

/** What outlives a change of the snapshot. */
export interface OidcState {
  readonly provider: Provider;
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly renewals: Renewals;
}

type Good = Extract<Standing, { kind: 'good' }>;

/** A browser that comes back without its session after so little time would do so for ever. */
const LOOP_MS = 15_000;
/** Lets in who has logged in, and has the others log in. */
export class OidcFilter implements Filter {
  readonly type = 'oidc';
  readonly #spec: ResolvedOidcSpec;
  readonly #state: OidcState;
  readonly #world: FilterWorld;
  /** By claims; sessions that are at hand keep theirs. */
  readonly #identities = new WeakMap<object, ReturnType<typeof identityOf>>();

  constructor(spec: ResolvedOidcSpec, state: OidcState, world: FilterWorld) {
    this.#spec = spec;
    this.#state = state;
    this.#world = world;
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    const { cookie, forward, token, paths, optional } = this.#spec;
    // Whoever asks doesn't say what only the provider may.
    for (const [field] of token.headers) passage.setUpstream(field, undefined);
    if (forward) passage.setUpstream('authorization', undefined);
    const field = passage.fields.get('cookie');
    const cookies = readCookies(field);
    if (field?.includes(cookie) === true) passage.setUpstream('cookie', withoutCookies(field, cookie));
    switch (passage.path) {
      case paths.callback:
        return this.#finish(passage, cookies);
      case paths.login:
        return this.#begin(passage, cookies, queryOf(passage).get('to') ?? undefined);
      case paths.logout:
        return this.#logout(passage, cookies);
    }
    const standing = this.#state.sessions.read(cookies, passage.host);
    if (standing.kind === 'none') {
      if (standing.reason === 'missing' && optional) return undefined;
      return this.#challenge(passage, cookies, standing.reason);
    }
    const { refreshToken, tokenEndsAt } = standing.session;
    if (!this.#state.renewals.isDue(standing.session)) return this.#admit(passage, standing);
    if (refreshToken !== undefined) return this.#renew(passage, cookies, standing, refreshToken);
    // A token that goes upstream is to be one that counts there.
    const hasEnded = forward && this.#world.clock.now() >= (tokenEndsAt ?? Infinity);
    return hasEnded ? this.#challenge(passage, cookies, 'expired') : this.#admit(passage, standing);
  }

  #admit(passage: Passage, standing: Good): Verdict {
    const { token, forward } = this.#spec;
    const { claims, accessToken } = standing.session;
    const read = this.#identities.get(claims) ?? identityOf(claims, token);
    this.#identities.set(claims, read);
    if ('fault' in read) return providerInvalid('claims');
    const missing = this.#missing(read.identity);
    if (missing !== undefined) return missing;
    passage.identity = read.identity;
    for (const [field, claim] of token.headers) passage.setUpstream(field, claimText(claimAt(claims, claim)));
    if (forward && accessToken !== undefined) passage.setUpstream('authorization', `Bearer ${accessToken}`);
    const mark = this.#state.sessions.mark(standing, passage.host);
    if (mark !== undefined) tell(passage, [mark]);
    return undefined;
  }

  #missing(identity: Identity): LocalAnswer | undefined {
    const { require, claims } = this.#spec.token;
    if (require.subject && identity.subject === undefined) return forbidden(`This needs the claim ${claims.subject}.`);
    if (require.tenant && identity.tenant === undefined) return forbidden(`This needs the claim ${claims.tenant}.`);
    const missing = missingOf(identity, this.#spec.token);
    // A bearer token is not what would help.
    return missing && { ...missing, fields: {} };
  }

  async #renew(passage: Passage, cookies: Cookies, standing: Good, refreshToken: string): Promise<Verdict> {
    const { sessions, renewals } = this.#state;
    const { session } = standing;
    const renewal = await renewals.renew(session, refreshToken);
    if (renewal.kind !== 'renewed') {
      const isOver = this.#world.clock.now() >= (session.tokenEndsAt ?? Infinity);
      // Until then it counts; a refusal may mean that another process has renewed it.
      if (!isOver && renewal.kind !== 'foreign') return this.#admit(passage, standing);
      if (renewal.kind === 'unknown') return renewal.answer;
      sessions.end(session);
      return this.#challenge(passage, cookies, 'ended');
    }
    const written = sessions.written(renewal.session, cookies, passage.host);
    if (written === undefined) return SESSION_TOO_LARGE;
    const verdict = this.#admit(passage, { kind: 'good', session: renewal.session, seenAt: this.#world.clock.now() });
    if (verdict !== undefined) return withCookies(verdict, written);
    tell(passage, written);
    return undefined;
  }

  /** There is no session: people are sent to log in, programs are told. */
  #challenge(passage: Passage, cookies: Cookies, reason: LoginReason): LocalAnswer | Promise<LocalAnswer> {
    const { cookie, paths } = this.#spec;
    if (!isNavigation(passage)) return loginRequired(reason, cookie, paths.login);
    if (cookies.has(`${cookie}.back`) && reason !== 'ended') {
      const cleared = [...this.#state.sessions.cleared(cookies), clearCookie(`${cookie}.back`)];
      return withCookies(LOGIN_LOOP, cleared);
    }
    return this.#begin(passage, cookies, passage.path + passage.query, reason);
  }

  async #begin(
    passage: Passage,
    cookies: Cookies,
    wanted: string | undefined,
    reason: LoginReason = 'missing',
  ): Promise<LocalAnswer> {
    const found = await this.#state.provider.metadata();
    if ('cause' in found) return found;
    const { clientId, scopes, parameters, paths } = this.#spec;
    const url = new URL(found.as.authorization_endpoint ?? '');
    const path = ownPath(wanted);
    // Back to where a login ends or begins would be no place to come out at.
    const to = path === undefined || Object.values(paths).some((own) => isAt(path, own)) ? '/' : path;
    const redirectUri = this.#originOf(passage) + paths.callback;
    const begun = this.#state.logins.begin(cookies, this.#purpose(passage), { to, redirectUri });
    for (const [name, value] of Object.entries({
      ...parameters,
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: scopes.join(' '),
      state: begun.login.state,
      nonce: begun.login.nonce,
      code_challenge: begun.challenge,
      code_challenge_method: 'S256',
    }))
      url.searchParams.set(name, value);
    const sent = sentTo(url.href, passage.path === paths.login ? 'LOGIN_BEGUN' : 'LOGIN_REQUIRED', begun.cookies);
    return { ...sent, members: { reason } };
  }

  /** A browser comes back from the provider. */
  async #finish(passage: Passage, cookies: Cookies): Promise<LocalAnswer> {
    const { cookie, paths, clientId } = this.#spec;
    const { logins, sessions, provider } = this.#state;
    const query = queryOf(passage);
    const begun = logins.finish(cookies, this.#purpose(passage), query.get('state'));
    if (begun === undefined) {
      // Somebody who has gone back to this page, or has come twice, is logged in already.
      const isIn = isNavigation(passage) && sessions.read(cookies, passage.host).kind === 'good';
      return isIn ? sentTo('/', 'LOGIN_DONE', []) : loginUnknown(paths.login);
    }
    const tokens = await provider.exchange(query, begun.login);
    if ('cause' in tokens) {
      this.#world.telemetry.log.warn(undefined, 'a login did not succeed', {
        issuer: this.#spec.issuer,
        client: clientId,
        code: tokens.cause,
        ...tokens.members,
      });
      return withCookies(tokens, begun.cookies);
    }
    const written = sessions.written(sessions.begin(tokens), cookies, passage.host);
    if (written === undefined) return withCookies(SESSION_TOO_LARGE, begun.cookies);
    const back = setCookie(`${cookie}.back`, '1', LOOP_MS);
    return sentTo(begun.login.to, 'LOGIN_DONE', [...begun.cookies, ...written, back]);
  }

  async #logout(passage: Passage, cookies: Cookies): Promise<LocalAnswer> {
    if (!isFromHere(passage)) return LOGOUT_REFUSED;
    const { clientId, endsProvider, after, cookie } = this.#spec;
    const { sessions, provider } = this.#state;
    const standing = sessions.read(cookies, passage.host);
    const session: Session | undefined = standing.kind === 'good' ? standing.session : undefined;
    if (session !== undefined) sessions.end(session);
    const back = `${cookie}.back`;
    const cleared = [...sessions.cleared(cookies), ...(cookies.has(back) ? [clearCookie(back)] : [])];
    const found = endsProvider && session !== undefined ? await provider.metadata() : undefined;
    const endpoint = found === undefined || 'cause' in found ? undefined : found.as.end_session_endpoint;
    if (endpoint === undefined || !URL.canParse(endpoint)) return sentTo(after ?? '/', 'LOGOUT_DONE', cleared);
    // OpenID Connect RP-Initiated Logout 1.0, section 2.
    const url = new URL(endpoint);
    url.searchParams.set('client_id', clientId);
    if (session?.idToken !== undefined) url.searchParams.set('id_token_hint', session.idToken);
    if (after !== undefined) url.searchParams.set('post_logout_redirect_uri', this.#originOf(passage) + after);
    return sentTo(url.href, 'LOGOUT_DONE', cleared);
  }

  /** As people know this gateway. Sessions need TLS, so there is some, whoever ends it; but for this machine itself. */
  #originOf({ host, isTls, fields }: Passage): string {
    const { origin } = this.#spec;
    if (origin !== undefined) return origin;
    const isPlain = !isTls && isLoopback(host);
    return `${isPlain ? 'http' : 'https'}://${fields.get('host') ?? host}`;
  }

  #purpose({ host }: Passage): string {
    const { cookie, issuer, clientId } = this.#spec;
    return JSON.stringify(['login', cookie, issuer, clientId, host]);
  }
}

/** What is told to one browser is kept for no other. */
function tell(passage: Passage, cookies: readonly string[]): void {
  for (const cookie of cookies) passage.addAnswer('set-cookie', cookie);
  passage.setAnswer('cache-control', 'no-store');
}

function queryOf({ query }: Passage): URLSearchParams {
  return new URLSearchParams(query);
}

function isAt(target: string, path: string): boolean {
  return target === path || target.startsWith(`${path}?`);
}

/** Whether a page of this host asks, or somebody who has typed it: by fetch metadata, else by where it says that it comes from. */
function isFromHere({ fields, host }: Passage): boolean {
  const site = fields.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const from = fields.get('origin') ?? fields.get('referer');
  return from !== undefined && URL.canParse(from) && new URL(from).host === (fields.get('host') ?? host);
}
