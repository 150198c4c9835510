import type { SideAnswer, Identity, LocalAnswer } from '../../engine/filter.ts';
import { identityOf } from '../jwt/jwt-identity.ts';
import type { ExtAuthSpec, FieldNames, ResolvedExtAuthSpec } from './ext-auth-spec.ts';

/** What the service has said of a request. */
export type AuthDecision =
  | {
      readonly kind: 'pass';
      /** Fields for the upstream; `undefined` where it has said nothing. */
      readonly upstream: readonly (readonly [name: string, value: string | undefined])[];
      readonly answer: readonly (readonly [name: string, value: string])[];
      readonly identity: Identity | undefined;
      /** Whether it holds for this request only. */
      readonly isOnce: boolean;
    }
  | {
      readonly kind: 'refuse';
      readonly status: 401 | 403;
      readonly challenges: readonly string[];
      readonly answer: readonly (readonly [name: string, value: string])[];
    }
  /** It is no decision: neither 2xx, nor 401, nor 403; or who asks can't be read from it. */
  | { readonly kind: 'none'; readonly because: string };

const CLAIMS = {
  subject: 'subject',
  consumer: 'consumer',
  tenant: 'tenant',
  roles: 'roles',
  scopes: 'scopes',
} as const;

/** Reads a service's answer as nginx's `auth_request` does. */
export function authDecision(
  { status, fields }: SideAnswer,
  spec: Pick<ResolvedExtAuthSpec, 'upstream' | 'answer'>,
  who: ExtAuthSpec['identity'],
): AuthDecision {
  const answer = linesOf(fields, spec.answer);
  if (status === 401 || status === 403) {
    return { kind: 'refuse', status, challenges: status === 401 ? fields.all('www-authenticate') : [], answer };
  }
  if (status < 200 || status > 299) return { kind: 'none', because: `it answered ${status}` };
  const identity = who === undefined ? undefined : readIdentity(fields, who);
  if (identity !== undefined && 'fault' in identity) return { kind: 'none', because: identity.fault.detail };
  return {
    kind: 'pass',
    upstream: spec.upstream.map(([name, its]) => [name, fields.get(its)] as const),
    answer,
    identity: identity?.identity,
    isOnce:
      fields.get('set-cookie') !== undefined || /\bno-store\b|\bno-cache\b/i.test(fields.get('cache-control') ?? ''),
  };
}

/** A line for each, as `Set-Cookie` needs it. */
function linesOf(fields: SideAnswer['fields'], names: FieldNames): (readonly [string, string])[] {
  return names.flatMap(([name, its]) => fields.all(its).map((value) => [name, value] as const));
}

function readIdentity(
  fields: SideAnswer['fields'],
  who: NonNullable<ExtAuthSpec['identity']>,
): { readonly identity: Identity } | { readonly fault: LocalAnswer } {
  const said = (name: string | undefined): string | undefined => {
    const value = name === undefined ? undefined : fields.get(name);
    return value === '' ? undefined : value;
  };
  const names = (name: string | undefined): string[] | undefined =>
    said(name)
      ?.split(/[\s,]+/)
      .filter((one) => one !== '');
  const payload = Object.fromEntries(
    Object.entries({
      subject: said(who.subject),
      consumer: said(who.consumer),
      tenant: said(who.tenant),
      roles: names(who.roles),
      scopes: names(who.scopes),
    }).filter(([, value]) => value !== undefined),
  );
  return identityOf(payload, { claims: CLAIMS });
}
