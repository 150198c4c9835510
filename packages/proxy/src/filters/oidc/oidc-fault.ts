import type { LocalAnswer } from '../../engine/filter.ts';

/** Why somebody has to log in. */
export type LoginReason = 'missing' | 'expired' | 'invalid' | 'ended';

/** In which respect a provider's answer can't be believed; stable. */
export type ProviderReason =
  | 'issuer'
  | 'audience'
  | 'nonce'
  | 'signature'
  | 'algorithm'
  | 'unknown-key'
  | 'at-hash'
  | 'subject'
  | 'time'
  | 'claims'
  | 'answer';

/** A program has to come back with a session. */
export function loginRequired(reason: LoginReason, cookie: string, login: string): LocalAnswer {
  const said = {
    missing: 'Log in first; this is not for everybody.',
    expired: 'The session has ended; log in again.',
    invalid: 'The session is none that was begun here; log in again.',
    ended: 'The session was ended; log in again.',
  };
  return {
    status: 401,
    cause: 'LOGIN_REQUIRED',
    detail: said[reason],
    members: { reason, login },
    fields: { 'www-authenticate': `Cookie form-action="${login}", cookie-name="${cookie}"` },
  };
}

/** The provider has let nobody in; `error` is its word for why (RFC 6749, section 4.1.2.1). */
export function loginRefused(error: string): LocalAnswer {
  return {
    status: 403,
    cause: 'LOGIN_REFUSED',
    detail: 'The provider did not log you in.',
    members: { error: /^[\w.-]{1,64}$/.test(error) ? error : 'unknown' },
  };
}

/** Where somebody is sent back to is nothing that this browser has begun here, or it was too long ago. */
export function loginUnknown(login: string): LocalAnswer {
  return {
    status: 400,
    cause: 'LOGIN_UNKNOWN',
    detail: 'This login was not begun by this browser, or too long ago, or is over. Begin again.',
    members: { login },
  };
}

/** A login that has just succeeded is not known: the next one would not be, either. */
export const LOGIN_LOOP: LocalAnswer = {
  status: 500,
  cause: 'LOGIN_LOOP',
  detail:
    'The browser has just logged in and does not show its session, or another key has sealed it. Allow cookies; every process of the gateway needs the same session keys.',
};

/** What is known of somebody is more than cookies take. */
export const SESSION_TOO_LARGE: LocalAnswer = {
  status: 500,
  cause: 'SESSION_TOO_LARGE',
  detail: 'The session is larger than cookies can hold. Choose the claims that it keeps (keep).',
};

/** A page elsewhere wanted to end the session. */
export const LOGOUT_REFUSED: LocalAnswer = {
  status: 403,
  cause: 'LOGOUT_REFUSED',
  detail: 'A session is ended from its own pages only.',
};

/** The provider can't be asked. */
export const PROVIDER_UNAVAILABLE: LocalAnswer = {
  status: 503,
  cause: 'PROVIDER_UNAVAILABLE',
  detail: 'The provider that people log in at does not answer; try again.',
  retryAfterMs: 2_000,
};

/** The provider says what can't be believed. */
export function providerInvalid(reason: ProviderReason): LocalAnswer {
  return {
    status: 502,
    cause: 'PROVIDER_INVALID',
    detail: 'What the provider answered can not be believed, so nobody was logged in.',
    members: { reason },
  };
}

/** Sends a browser elsewhere. */
export function sentTo(location: string, cause: string, cookies: readonly string[]): LocalAnswer {
  return {
    status: 303,
    cause,
    detail: 'See elsewhere.',
    fields: { location, 'cache-control': 'no-store', ...(cookies.length === 0 ? {} : { 'set-cookie': [...cookies] }) },
    body: '',
  };
}

/** The same answer, with cookies. */
export function withCookies(answer: LocalAnswer, cookies: readonly string[]): LocalAnswer {
  return cookies.length === 0 ? answer : { ...answer, fields: { ...answer.fields, 'set-cookie': [...cookies] } };
}
