import * as oauth from 'oauth4webapi';
import type { LocalAnswer } from '../../engine/filter.ts';
import { loginRefused, PROVIDER_UNAVAILABLE, providerInvalid, type ProviderReason } from './oidc-fault.ts';

const CLAIM_REASONS: Readonly<Record<string, ProviderReason>> = {
  iss: 'issuer',
  aud: 'audience',
  azp: 'audience',
  nonce: 'nonce',
  sub: 'subject',
};
const TOKEN_REASONS: Readonly<Record<string, ProviderReason>> = {
  issuer: 'issuer',
  audience: 'audience',
  signature: 'signature',
  algorithm: 'algorithm',
  'unknown-key': 'unknown-key',
  'not-yet-valid': 'time',
  claims: 'claims',
};
/** Words for "later" (RFC 6749, section 4.1.2.1). */
const PASSING = new Set(['server_error', 'temporarily_unavailable', 'slow_down']);

/**
 * What went wrong with a provider, as people and logs may know it: errors of oauth4webapi hold whole answers, tokens included, and
 * go nowhere.
 */
export function providerFault(error: unknown): LocalAnswer {
  if (error instanceof oauth.AuthorizationResponseError) return ofWord(error.error, 0);
  if (error instanceof oauth.ResponseBodyError) return ofWord(error.error, error.status);
  if (error instanceof oauth.WWWAuthenticateChallengeError) return ofWord('invalid_client', error.status);
  if (error instanceof oauth.UnsupportedOperationError) return providerInvalid('algorithm');
  if (!(error instanceof oauth.OperationProcessingError)) return PROVIDER_UNAVAILABLE;
  const about = membersOf(error.cause);
  if (error.cause instanceof Response && error.cause.status >= 500) return PROVIDER_UNAVAILABLE;
  switch (error.code) {
    case oauth.JWT_CLAIM_COMPARISON:
      return providerInvalid(CLAIM_REASONS[String(about['claim'])] ?? 'claims');
    case oauth.JWT_TIMESTAMP_CHECK:
      return providerInvalid('time');
    case oauth.JSON_ATTRIBUTE_COMPARISON:
      return providerInvalid(about['attribute'] === 'sub' ? 'subject' : 'issuer');
    default:
      return providerInvalid(about['header'] !== undefined && about['expected'] !== undefined ? 'algorithm' : 'answer');
  }
}

/** What is wrong with an ID token, by what is wrong with it as a token. */
export function idTokenFault({ cause, members }: LocalAnswer): LocalAnswer {
  if (cause === 'KEYS_UNAVAILABLE') return PROVIDER_UNAVAILABLE;
  if (cause === 'TOKEN_EXPIRED') return providerInvalid('time');
  return providerInvalid(TOKEN_REASONS[String(members?.['reason'])] ?? 'answer');
}

function ofWord(word: string, status: number): LocalAnswer {
  return PASSING.has(word) || status >= 500 ? PROVIDER_UNAVAILABLE : loginRefused(word);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  // `as`: any object has members.
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
