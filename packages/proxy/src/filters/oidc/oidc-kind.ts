import { createHash } from 'node:crypto';
import * as oauth from 'oauth4webapi';
import type { FilterFactory } from '../../engine/filter.ts';
import { fail } from '../../errors.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { readSecret } from '../secret.ts';
import { Logins } from './logins.ts';
import { OidcFilter, type OidcState } from './oidc-filter.ts';
import { oidcBeside, oidcSchema, resolveOidcSpec, type OidcSpec } from './oidc-spec.ts';
import { Provider } from './provider.ts';
import { Renewals } from './renewals.ts';
import { Seal } from './seal.ts';
import { Sessions } from './sessions.ts';

const LEAST_KEY_LENGTH = 32;

const make: FilterFactory<OidcSpec> = (spec, world) => {
  const resolved = resolveOidcSpec(spec);
  const { client, session } = spec;
  const secret = client.secret && readSecret(client.secret, `the secret of the client ${client.id}`);
  const [first, ...others] = session.keys.map((place) => sessionKey(readSecret(place, 'a key of sessions')));
  if (first === undefined) throw fail('SNAPSHOT_INVALID', 'A filter oidc has no key of sessions. Give one.');
  // What only says who may pass is no reason to forget who is logged in.
  const { require: _require, optional: _optional, ...what } = spec;
  const key = `oidc ${JSON.stringify(what)} ${fingerprint([first, ...others, secret ?? ''])}`;
  const state = world.kept(key, (): OidcState & { close(): void } => {
    const seal = new Seal([first, ...others], world.random);
    const provider = new Provider(resolved, clientAuth(secret, client.auth), world);
    const { cookie, loginTimeoutMs: timeoutMs, keep } = resolved;
    const { clock, random } = world;
    return {
      provider,
      logins: new Logins({ seal, cookie, timeoutMs, clock, random }),
      sessions: new Sessions(resolved, seal, world),
      renewals: new Renewals(provider, world, keep),
      close: () => provider.close(),
    };
  });
  return new OidcFilter(resolved, state, world);
};

function sessionKey(text: string): string {
  if (text.length >= LEAST_KEY_LENGTH) return text;
  const fix = 'Make one of random bytes, such as by: openssl rand -base64 32';
  throw fail('SNAPSHOT_INVALID', `A key of sessions has fewer than ${LEAST_KEY_LENGTH} characters. ${fix}`);
}

function clientAuth(secret: string | undefined, how: 'basic' | 'post' | undefined): oauth.ClientAuth {
  if (secret === undefined) return oauth.None();
  return how === 'post' ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}

/** Tells other secrets from these, and nothing of them. */
function fingerprint(secrets: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(secrets)).digest('base64');
}

/** `oidc`: people who log in at an OpenID Connect provider. */
export const oidcKind: FilterKind<OidcSpec> = {
  type: 'oidc',
  open: [
    'issuer',
    'client.id',
    'client.secret.file',
    'client.secret.env',
    'client.auth',
    'session.keys.*.file',
    'session.keys.*.env',
    'session.name',
    'session.idle',
    'session.absolute',
    'origin',
    'callback',
    'login',
    'logout.path',
    'logout.after',
    'scopes.*',
    'keep.*',
    'claims.*',
    'headers.*',
    'require.claims.**',
    'require.roles.*',
    'require.scopes.*',
    'clockSkew',
    'timeout',
    'loginTimeout',
  ],
  schema: oidcSchema,
  identifies: true,
  owns: ({ headers = {}, forward }) => [...(forward === true ? ['authorization'] : []), ...Object.keys(headers)],
  beside: oidcBeside,
  explain({ issuer, client, optional, require = {} }) {
    const { roles = [], scopes = [] } = require;
    const needs = [
      ...(roles.length > 0 ? [`one of the roles ${roles.join(', ')}`] : []),
      ...(scopes.length > 0 ? [`the scopes ${scopes.join(', ')}`] : []),
      ...Object.keys(require.claims ?? {}).map((claim) => `a fitting claim ${claim}`),
    ];
    const whose = optional === true ? 'knows' : 'needs';
    return `${whose} people who log in at ${issuer} as users of ${client.id}${needs.length === 0 ? '' : `, with ${needs.join(' and ')}`}`;
  },
  make,
};
