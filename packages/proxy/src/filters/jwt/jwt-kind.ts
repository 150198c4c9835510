import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { makeJwtFilter } from './jwt-filter.ts';
import { jwtSchema, type JwtSpec } from './jwt-spec.ts';

/** `jwt`: who asks, by a token. */
export const jwtKind: FilterKind<JwtSpec> = {
  type: 'jwt',
  open: [
    'issuer',
    'audience',
    'audience.*',
    'jwks',
    'keys.*.kid',
    'keys.*.kty',
    'keys.*.alg',
    'keys.*.use',
    'keys.*.crv',
    'algorithms.*',
    'clockSkew',
    'header',
    'claims.*',
    'headers.*',
    'tenants.*',
    'require.claims.**',
    'require.roles.*',
    'require.scopes.*',
    'maxAge',
    'cooldown',
  ],
  schema: jwtSchema,
  identifies: true,
  owns: ({ header = 'authorization', forward, headers = {} }) => [
    ...(forward === true ? [] : [header]),
    ...Object.keys(headers),
  ],
  explain({ issuer, audience, optional, require = {} }) {
    const { roles = [], scopes = [] } = require;
    const audiences = typeof audience === 'string' ? audience : audience.join(' or ');
    const needs = [
      ...(roles.length > 0 ? [`one of the roles ${roles.join(', ')}`] : []),
      ...(scopes.length > 0 ? [`the scopes ${scopes.join(', ')}`] : []),
      ...Object.keys(require.claims ?? {}).map((claim) => `a fitting claim ${claim}`),
    ];
    const whose = optional === true ? 'takes a token' : 'needs a token';
    return `${whose} of ${issuer} for ${audiences}${needs.length === 0 ? '' : `, with ${needs.join(' and ')}`}`;
  },
  make: makeJwtFilter,
};
