import { z } from 'zod';
import type { Place } from '../../../snapshot/snapshot-problem.ts';
import { pluginImport, type PluginContext } from '../plugin-import.ts';

const names = z.array(z.string().min(1));
const anonymous = z.string().optional();
const runOnPreflight = z.boolean().default(true);

/** A filter for several names, or one. */
function oneOrMany(list: readonly string[]): string | readonly string[] {
  const [only = ''] = list;
  return list.length === 1 ? only : list;
}

/** Who a request is that proves nothing. */
function anonymousOf(name: string | undefined, { consumers, report, place, what }: PluginContext): object {
  if (name === undefined || name === '') return {};
  const anonymous = consumers.anonymous(name);
  if (anonymous === undefined)
    report.note(
      [...place, 'anonymous'],
      what,
      `has nobody to take strangers for: there is no consumer ${JSON.stringify(name)} in this file, so that who proves nothing is refused with 401 (by Kong with 500), and of several proofs each is asked for`,
    );
  return anonymous === undefined ? {} : { anonymous };
}

function exempt(runs: boolean): object {
  return runs ? {} : { exempt: ['OPTIONS'] };
}

export const keyAuth = pluginImport({
  name: 'key-auth',
  priority: 1250,
  identifies: true,
  takesConsumers: false,
  form: z.strictObject({
    key_names: names.min(1).default(['apikey']),
    hide_credentials: z.boolean().default(false),
    anonymous,
    key_in_header: z.boolean().default(true),
    key_in_query: z.boolean().default(true),
    key_in_body: z.boolean().default(false),
    run_on_preflight: runOnPreflight,
    realm: z.string().optional(),
    identity_realms: z.unknown().optional(),
  }),
  become(config, context) {
    const { report, place, what } = context;
    if (config.key_in_body)
      report.refuse(
        [...place, 'key_in_body'],
        'looks for keys in bodies, which are not read for that here; send them in a header',
      );
    if (!config.key_in_header && !config.key_in_query && !config.key_in_body)
      report.refuse(place, 'looks for keys nowhere; let key_in_header or key_in_query be true');
    if (config.identity_realms !== undefined)
      report.note([...place, 'identity_realms'], what, 'knows the consumers of this file only');
    return {
      filters: [
        {
          type: 'api-key',
          ...(config.key_in_header
            ? { header: oneOrMany(config.key_names.map((name) => name.toLowerCase())) }
            : { header: [] }),
          ...(config.key_in_query ? { query: oneOrMany(config.key_names) } : {}),
          consumers: context.consumers.withKeys(),
          forward: !config.hide_credentials,
          ...anonymousOf(config.anonymous, context),
          ...exempt(config.run_on_preflight),
        },
      ],
    };
  },
});

export const basicAuth = pluginImport({
  name: 'basic-auth',
  priority: 1100,
  identifies: true,
  takesConsumers: false,
  form: z.strictObject({
    anonymous,
    hide_credentials: z.boolean().default(false),
    realm: z.string().default('service'),
    brute_force_protection: z.unknown().optional(),
  }),
  become(config, context) {
    const { report, place, what } = context;
    if (config.brute_force_protection !== undefined)
      report.note(
        [...place, 'brute_force_protection'],
        what,
        'remembers wrong passwords and checks few at a time; it locks nobody out',
      );
    report.note(
      place,
      what,
      'keeps passwords hashed by scrypt; hashing them anew at each start takes about 50 ms each: write the imported form with fairlead import once',
    );
    return {
      filters: [
        {
          type: 'basic-auth',
          realm: config.realm,
          users: context.consumers.withPasswords(),
          forward: !config.hide_credentials,
          ...anonymousOf(config.anonymous, context),
        },
      ],
    };
  },
});

const MOST_EXPIRATION_S = 31_536_000;

export const jwt = pluginImport({
  name: 'jwt',
  priority: 1450,
  identifies: true,
  takesConsumers: false,
  form: z
    .strictObject({
      uri_param_names: names.default(['jwt']),
      cookie_names: names.default([]),
      header_names: names.default(['authorization']),
      key_claim_name: z.string().min(1).default('iss'),
      secret_is_base64: z.boolean().default(false),
      claims_to_verify: z.array(z.enum(['exp', 'nbf'], { error: 'must be exp or nbf' })).default([]),
      anonymous,
      run_on_preflight: runOnPreflight,
      maximum_expiration: z.number().min(0).max(MOST_EXPIRATION_S).default(0),
      realm: z.string().optional(),
    })
    .refine(({ maximum_expiration: most, claims_to_verify: claims }) => most === 0 || claims.includes('exp'), {
      path: ['maximum_expiration'],
      message: 'limits exp, which claims_to_verify does not have; add it there',
    }),
  become(config, context) {
    const { report, place, what } = context;
    const { claims_to_verify: claims } = config;
    for (const claim of ['exp', 'nbf'] as const)
      if (!claims.includes(claim))
        report.note(
          place,
          what,
          `refuses tokens whose ${claim} says so, although claims_to_verify does not name it; Kong takes them for ever`,
        );
    noteFew(context, [...place, 'claims_to_verify']);
    return {
      filters: [
        {
          type: 'consumer-token',
          consumers: context.consumers.withSecrets(config.secret_is_base64),
          ...(config.key_claim_name === 'iss' ? {} : { issuerClaim: config.key_claim_name }),
          header: oneOrMany(config.header_names.map((name) => name.toLowerCase())),
          ...(config.uri_param_names.length === 0 ? {} : { query: oneOrMany(config.uri_param_names) }),
          ...(config.cookie_names.length === 0 ? {} : { cookie: oneOrMany(config.cookie_names) }),
          clockSkew: '0s',
          requireExpiry: claims.includes('exp'),
          ...(claims.includes('nbf') ? { requireNotBefore: true } : {}),
          ...(config.maximum_expiration === 0 ? {} : { maxLifetime: `${config.maximum_expiration}s` }),
          forward: true,
          ...anonymousOf(config.anonymous, context),
          ...exempt(config.run_on_preflight),
        },
      ],
    };
  },
});

/** Nobody can pass where no consumer has a secret; that may be meant, as long as others write them. */
function noteFew({ entities, report, what }: PluginContext, place: Place): void {
  if (entities.consumers.every(({ secrets }) => secrets.length === 0))
    report.note(place, what, 'refuses all requests: no consumer in this file has jwt_secrets');
}
