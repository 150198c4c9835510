import { errors } from 'jose';
import type { LocalAnswer } from '../../engine/filter.ts';

/** In which respect a token is not one of ours; stable. */
export type JwtReason =
  | 'malformed'
  | 'several'
  | 'algorithm'
  | 'unknown-key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'not-yet-valid'
  | 'tenant'
  | 'claims';

const REALM_CHALLENGE = 'Bearer';

/** No token, where one is needed (RFC 6750, section 3). */
export const TOKEN_MISSING: LocalAnswer = {
  status: 401,
  cause: 'TOKEN_MISSING',
  detail: 'Send a token: Authorization: Bearer <token>.',
  fields: { 'www-authenticate': REALM_CHALLENGE },
};

/** No keys have come yet, so nothing can be verified. */
export const KEYS_UNAVAILABLE: LocalAnswer = {
  status: 503,
  cause: 'KEYS_UNAVAILABLE',
  detail: 'The public keys have not been fetched yet, so no token can be verified.',
  retryAfterMs: 1_000,
};

/** A token that is not one of ours. */
export function tokenInvalid(reason: JwtReason, detail: string): LocalAnswer {
  return {
    status: 401,
    cause: 'TOKEN_INVALID',
    detail,
    members: { reason },
    fields: { 'www-authenticate': challenge('invalid_token', detail) },
  };
}

/** A genuine token of nobody that there is. */
export function unknownTenant(tenant: string | undefined): LocalAnswer {
  return tokenInvalid(
    'tenant',
    `There is no tenant ${JSON.stringify(tenant ?? '')} here; get a token for one that there is.`,
  );
}

/** A token that was one of ours. */
export function tokenExpired(): LocalAnswer {
  const detail = 'The token has expired; get a new one.';
  return {
    status: 401,
    cause: 'TOKEN_EXPIRED',
    detail,
    fields: { 'www-authenticate': challenge('invalid_token', detail) },
  };
}

/** A token that is not enough. */
export function forbidden(detail: string): LocalAnswer {
  return {
    status: 403,
    cause: 'FORBIDDEN',
    detail,
    fields: { 'www-authenticate': challenge('insufficient_scope', detail) },
  };
}

/** What a failed verification says. */
export function faultOf(error: unknown): LocalAnswer {
  if (error instanceof errors.JWTExpired) return tokenExpired();
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return tokenInvalid('issuer', 'The token was not issued by whom this is open to.');
    if (error.claim === 'aud') return tokenInvalid('audience', 'The token is not meant for this.');
    if (error.claim === 'nbf' && error.reason === 'check_failed')
      return tokenInvalid('not-yet-valid', 'The token is not valid yet.');
    return tokenInvalid('claims', `The claim "${error.claim}" is missing or malformed.`);
  }
  if (error instanceof errors.JWTInvalid) return tokenInvalid('claims', 'What the token holds is no set of claims.');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return tokenInvalid('signature', "The token's signature is wrong.");
  return tokenInvalid('malformed', "The token can't be read.");
}

function challenge(error: string, description: string): string {
  return `${REALM_CHALLENGE} error="${error}", error_description="${description.replaceAll(/["\\]/g, "'")}"`;
}

/** What is wrong with the times that a verified token names: numbers beyond what JSON can say are read as infinite, and end never. */
export function timeFault({
  exp = 0,
  nbf = 0,
}: {
  readonly exp?: number;
  readonly nbf?: number;
}): LocalAnswer | undefined {
  if (Number.isFinite(exp) && Number.isFinite(nbf)) return undefined;
  return tokenInvalid('claims', `The claim "${Number.isFinite(exp) ? 'nbf' : 'exp'}" is no time.`);
}
