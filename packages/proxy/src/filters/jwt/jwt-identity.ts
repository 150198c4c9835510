import type { JWTPayload } from 'jose';
import type { Identity, LocalAnswer } from '../../engine/filter.ts';
import { ProvenIdentity } from '../../engine/proven-identity.ts';
import { claimAt } from '../claims.ts';
import { tokenInvalid } from './jwt-fault.ts';
import type { ResolvedJwtSpec } from './jwt-spec.ts';

const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
const MOST_SUBJECT_LENGTH = 256;
const MOST_NAMES = 64;

/** Who a verified token says is asking, by the claims that the filter looks into; or why that can't be believed. */
export function identityOf(
  payload: JWTPayload,
  spec: Pick<ResolvedJwtSpec, 'claims'>,
): { readonly identity: Identity } | { readonly fault: LocalAnswer } {
  const { claims } = spec;
  const tenant = claimAt(payload, claims.tenant);
  const subject = claimAt(payload, claims.subject);
  const consumer = claimAt(payload, claims.consumer);
  if (tenant !== undefined && (typeof tenant !== 'string' || !TENANT.test(tenant)))
    return malformed(claims.tenant, 'must be letters, digits and ._- (at most 63)');
  if (subject !== undefined && (typeof subject !== 'string' || subject === '' || subject.length > MOST_SUBJECT_LENGTH))
    return malformed(claims.subject, 'must have 1 to 256 characters');
  if (
    consumer !== undefined &&
    (typeof consumer !== 'string' || consumer === '' || consumer.length > MOST_SUBJECT_LENGTH)
  )
    return malformed(claims.consumer, 'must have 1 to 256 characters');
  const roles = namesOf(claimAt(payload, claims.roles), false);
  if (roles === undefined) return malformed(claims.roles, `must be a list of at most ${MOST_NAMES} names`);
  const scopes = namesOf(claimAt(payload, claims.scopes), true);
  if (scopes === undefined) return malformed(claims.scopes, 'must be names divided by spaces, or a list of them');
  return { identity: new ProvenIdentity({ tenant, subject, consumer, roles, scopes, claims: payload }) };
}

function namesOf(value: unknown, isText: boolean): readonly string[] | undefined {
  if (value === undefined) return NONE;
  const names: unknown = isText && typeof value === 'string' ? value.split(' ').filter((name) => name !== '') : value;
  if (!Array.isArray(names) || names.length > MOST_NAMES) return undefined;
  return names.every((name): name is string => typeof name === 'string' && ROLE.test(name))
    ? Object.freeze([...names])
    : undefined;
}

const NONE: readonly string[] = Object.freeze([]);

function malformed(claim: string, rule: string): { readonly fault: LocalAnswer } {
  return { fault: tokenInvalid('claims', `The claim "${claim}" ${rule}.`) };
}
