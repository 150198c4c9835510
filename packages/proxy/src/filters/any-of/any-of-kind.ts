import { z } from 'zod';
import type { FilterSpec } from '../../engine/compiled-route.ts';
import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import { filterForm } from '../../snapshot/filter-form.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { apiKeyKind } from '../api-key/api-key-kind.ts';
import { basicAuthKind } from '../basic-auth/basic-auth-kind.ts';
import { clientCertificateKind } from '../client-certificate/client-certificate-kind.ts';
import { extAuthKind } from '../ext-auth/ext-auth-kind.ts';
import { jwtKind } from '../jwt/jwt-kind.ts';
import { oidcKind } from '../oidc/oidc-kind.ts';

/** Those that prove who asks. */
const SCHEMES: readonly FilterKind[] = [
  jwtKind,
  apiKeyKind,
  basicAuthKind,
  clientCertificateKind,
  oidcKind,
  extAuthKind,
];
const name = z.string().min(1);

const schema = z
  .strictObject({
    type: z.literal('any-of'),
    of: z
      .array(filterForm(SCHEMES))
      .min(1)
      .describe(
        `Who asks is who the first of these says that it proves: ${SCHEMES.map(({ type }) => type).join(', ')}.`,
      ),
    anonymous: z
      .strictObject({
        consumer: name,
        tenant: name.optional(),
        roles: z.array(name).optional(),
        scopes: z.array(name).optional(),
      })
      .optional()
      .describe('Who somebody is who shows nothing at all. Who shows what is wrong is refused. Default: refused, too.'),
  })
  .superRefine(({ of, anonymous }, context) => {
    for (const [at, each] of of.entries()) {
      const complain = (message: string, path: string): void =>
        context.addIssue({ code: 'custom', message, path: ['of', at, path] });
      if (each['optional'] === true)
        complain('lets everybody through, so that nothing behind it is asked; use "anonymous"', 'optional');
      if (each['failOpen'] === true) complain('lets everybody through whom another would know', 'failOpen');
      if (each.type === 'ext-auth' && anonymous !== undefined)
        complain(
          'does not say whether somebody shows nothing or what is wrong; its service knows who is anonymous',
          'type',
        );
    }
  });

type AnyOfSpec = z.output<typeof schema>;

/** Those that look into `Authorization`, unless they are told to look elsewhere. */
const AUTHORIZATION = new Set(['jwt', 'basic-auth']);
/** What says that somebody shows nothing, rather than what is wrong. */
const SHOWN_NOTHING = new Set(['TOKEN_MISSING', 'KEY_MISSING', 'PASSWORD_MISSING', 'CERTIFICATE_MISSING']);

/** Asks one scheme after the other who asks. */
class AnyOfFilter implements Filter {
  readonly type = 'any-of';
  readonly #schemes: readonly Filter[];
  readonly #anonymous: Identity | undefined;
  /** Whether a scheme looks into `Authorization`, so that what none of them understands there is wrong. */
  readonly #readsAuthorization: boolean;

  constructor(schemes: readonly Filter[], anonymous: Identity | undefined, readsAuthorization: boolean) {
    this.#schemes = schemes;
    this.#anonymous = anonymous;
    this.#readsAuthorization = readsAuthorization;
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    return this.#from(passage, 0, []);
  }

  #from(passage: Passage, first: number, refusals: readonly LocalAnswer[]): Verdict | Promise<Verdict> {
    const said = [...refusals];
    for (let at = first; at < this.#schemes.length; at += 1) {
      const verdict = this.#schemes[at]?.request?.(passage);
      if (verdict === undefined) return undefined;
      if (verdict instanceof Promise) {
        return verdict.then((known) =>
          known === undefined || isFinal(known) ? known : this.#from(passage, at + 1, [...said, known]),
        );
      }
      if (isFinal(verdict)) return verdict;
      said.push(verdict);
    }
    const showsOther = this.#readsAuthorization && passage.fields.get('authorization') !== undefined;
    if (this.#anonymous !== undefined && !showsOther && said.every((refusal) => hasShownNothing(refusal))) {
      passage.identity = this.#anonymous;
      return undefined;
    }
    return merged(said);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#schemes.map(async (scheme) => scheme.close?.()));
  }
}

/** A step of a login or logout, which is no refusal. */
function isFinal({ status, cause }: LocalAnswer): boolean {
  return status < 400 && cause !== 'LOGIN_REQUIRED' && cause !== 'AUTH_REQUIRED';
}

function hasShownNothing({ cause, members }: LocalAnswer): boolean {
  return SHOWN_NOTHING.has(cause) || (cause === 'LOGIN_REQUIRED' && members?.['reason'] === 'missing');
}

/**
 * The refusal that says most: that nobody can tell, then that it isn't enough, then what is wrong, then where to log in, then what is
 * missing. With the challenges of all, as a client may choose (RFC 9110, section 11.6.1).
 */
function merged(refusals: readonly LocalAnswer[]): LocalAnswer {
  const [most] = refusals.toSorted((one, other) => weightOf(other) - weightOf(one));
  const challenges = refusals.flatMap(({ fields }) => fields?.['www-authenticate'] ?? []);
  // `as`: there is at least one.
  const said = most as LocalAnswer;
  if (said.status !== 401 || challenges.length === 0) return said;
  return { ...said, fields: { ...said.fields, 'www-authenticate': challenges } };
}

function weightOf(refusal: LocalAnswer): number {
  if (refusal.status >= 500) return 4;
  if (refusal.status === 403) return 3;
  if (refusal.status >= 400) return hasShownNothing(refusal) ? 0 : 2;
  return 1;
}

const make: FilterFactory<AnyOfSpec> = ({ of, anonymous }, world) => {
  const { consumer, tenant, roles = [], scopes = [] } = anonymous ?? {};
  const nobody =
    consumer === undefined
      ? undefined
      : Object.freeze({ consumer, ...(tenant === undefined ? {} : { tenant }), roles, scopes, claims: {} });
  return new AnyOfFilter(
    of.map((spec) => world.make(spec)),
    nobody,
    of.some((spec) => AUTHORIZATION.has(spec.type) && (spec['header'] ?? 'authorization') === 'authorization'),
  );
};

/** `any-of`: several ways to say who asks. */
export const anyOfKind: FilterKind<AnyOfSpec> = {
  type: 'any-of',
  open: ['anonymous.consumer', 'anonymous.tenant', 'anonymous.roles.*', 'anonymous.scopes.*'],
  nested: ['of'],
  schema,
  identifies: true,
  clusters: ({ of }, inside) =>
    of.flatMap((spec, at) => inside(spec).map(({ cluster, path }) => ({ cluster, path: ['of', at, ...path] }))),
  explain({ of, anonymous }) {
    const ways = of.map((spec) => wordsOf(spec));
    return `${ways.join(', or ')}${anonymous === undefined ? '' : `; who shows nothing is ${anonymous.consumer}`}`;
  },
  make,
};

function wordsOf(spec: FilterSpec): string {
  return SCHEMES.find(({ type }) => type === spec.type)?.explain(spec) ?? spec.type;
}
