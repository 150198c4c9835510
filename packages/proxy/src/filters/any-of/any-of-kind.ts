import { z } from 'zod';
import type { FilterSpec } from '../../engine/compiled-route.ts';
import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import { filterForm } from '../../snapshot/filter-form.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { apiKeyKind } from '../api-key/api-key-kind.ts';
import { basicAuthKind } from '../basic-auth/basic-auth-kind.ts';
import { consumerIdentity } from '../consumer.ts';
import { consumerTokenKind } from '../consumer-token/consumer-token-kind.ts';
import { clientCertificateKind } from '../client-certificate/client-certificate-kind.ts';
import { extAuthKind } from '../ext-auth/ext-auth-kind.ts';
import { jwtKind } from '../jwt/jwt-kind.ts';
import { oidcKind } from '../oidc/oidc-kind.ts';

/** Those that prove who asks. */
const SCHEMES: readonly FilterKind[] = [
  jwtKind,
  apiKeyKind,
  basicAuthKind,
  consumerTokenKind,
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
      for (const other of ['anonymous', 'exempt'])
        if (each[other] !== undefined)
          complain(
            'lets people through who prove nothing, so that nothing behind it is asked; use "anonymous" of any-of',
            other,
          );
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
const AUTHORIZATION = new Set(['jwt', 'basic-auth', 'consumer-token']);
/** What says that somebody shows nothing, rather than what is wrong. */
const SHOWN_NOTHING = new Set(['TOKEN_MISSING', 'KEY_MISSING', 'PASSWORD_MISSING', 'CERTIFICATE_MISSING']);

/** Asks one scheme after the other who asks. */
class AnyOfFilter implements Filter {
  readonly type = 'any-of';
  readonly #schemes: readonly Filter[];
  readonly #anonymous: Identity | undefined;
  /** Whether a scheme looks into `Authorization`, so that what none of them understands there is wrong. */
  readonly #readsAuthorization: boolean;
  /** Fields that only a scheme may say, or that are for one only. */
  readonly #owned: readonly string[];

  constructor(
    schemes: readonly Filter[],
    {
      anonymous,
      readsAuthorization,
      owned,
    }: {
      readonly anonymous: Identity | undefined;
      readonly readsAuthorization: boolean;
      readonly owned: readonly string[];
    },
  ) {
    this.#schemes = schemes;
    this.#anonymous = anonymous;
    this.#readsAuthorization = readsAuthorization;
    this.#owned = owned;
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    // Those behind the one that wins are not asked.
    for (const field of this.#owned) passage.setUpstream(field, undefined);
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
  const forwarded = new Set(
    of
      .filter((spec) => spec['forward'] === true)
      .flatMap((spec) => (AUTHORIZATION.has(spec.type) ? readFrom(spec) : [])),
  );
  return new AnyOfFilter(
    of.map((spec) => world.make(spec)),
    {
      anonymous: anonymous && consumerIdentity({ ...anonymous, name: anonymous.consumer }),
      readsAuthorization: of.some((spec) => readFrom(spec).includes('authorization')),
      owned: [...new Set(of.flatMap((spec) => kindOf(spec)?.owns?.(spec) ?? []))].filter(
        (name) => !forwarded.has(name),
      ),
    },
  );
};

/** Where a scheme looks for a credential of this kind. */
function readFrom({ type, header }: FilterSpec): readonly string[] {
  if (!AUTHORIZATION.has(type)) return [];
  return typeof header === 'string' ? [header] : Array.isArray(header) ? header.map(String) : ['authorization'];
}

function kindOf({ type }: FilterSpec): FilterKind | undefined {
  return SCHEMES.find((kind) => kind.type === type);
}

/** `any-of`: several ways to say who asks. */
export const anyOfKind: FilterKind<AnyOfSpec> = {
  type: 'any-of',
  open: ['anonymous.consumer', 'anonymous.tenant', 'anonymous.roles.*', 'anonymous.scopes.*'],
  nested: ['of'],
  schema,
  identifies: true,
  owns: ({ of }) => of.flatMap((spec) => kindOf(spec)?.owns?.(spec) ?? []),
  clusters: ({ of }, inside) =>
    of.flatMap((spec, at) => inside(spec).map(({ cluster, path }) => ({ cluster, path: ['of', at, ...path] }))),
  explain({ of, anonymous }) {
    const ways = of.map((spec) => kindOf(spec)?.explain(spec) ?? spec.type);
    return `${ways.join(', or ')}${anonymous === undefined ? '' : `; who shows nothing is ${anonymous.consumer}`}`;
  },
  make,
};
