import { z } from 'zod';
import { byFieldName, fieldName } from '../../snapshot/names.ts';
import { duration } from '../../snapshot/quantities.ts';
import { writtenField } from '../field-name.ts';
import { ALGORITHMS, isUsableKey, type SignatureAlgorithm } from './key-set.ts';

const name = z.string().min(1);
const jwk = z.record(z.string(), z.unknown());

/** Which claims say who asks. */
export const claimNames = z
  .strictObject({ subject: name, tenant: name, roles: name, scopes: name, consumer: name })
  .partial();

/** What a proof must say. */
export const requirements = z
  .strictObject({
    claims: z.record(name, z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))])),
    roles: z.array(name).min(1),
    scopes: z.array(name).min(1),
    tenant: z.boolean(),
    subject: z.boolean(),
  })
  .partial();

const NO_KEYS =
  'hold none that verifies a token, so that every token would be refused: write public keys for signatures (RSA from 2048 bits, P-256, P-384, P-521, Ed25519), or secrets with alg HS256, HS384 or HS512 that are as long as their hash';

/** A filter `jwt` as it is written down. */
export const jwtSchema = z
  .strictObject({
    type: z.literal('jwt'),
    issuer: name.describe('The token’s `iss` must be this.'),
    audience: z.union([name, z.array(name).min(1)]).describe('The token’s `aud` must be or contain one of these.'),
    jwks: z
      .string()
      .regex(/^(?:https?:\/\/|unix:\/)/, 'write an http:, https: or unix: URL')
      .optional()
      .describe('Where the public keys are, as a JWKS: `https://…`, or `unix:/path/to.sock:/url/path`.'),
    keys: z.array(jwk).min(1).optional().describe('Keys (JWK) instead of `jwks`; only these may be secrets.'),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).optional(),
    clockSkew: duration.optional().describe('How far other clocks may be off. Default 60s. 0s is exact.'),
    requireExpiry: z.boolean().optional().describe('Whether a token must say when it ends. Default true.'),
    header: fieldName.optional().describe('Where the token is. Default authorization, after `Bearer`.'),
    forward: z.boolean().optional().describe('Whether the token goes on to the upstream. Default false.'),
    optional: z.boolean().optional().describe('Whether a request without any token passes, as nobody. Default false.'),
    claims: claimNames.optional().describe('Which claims say who asks. Default sub, tenant, roles, scope, client_id.'),
    headers: byFieldName(writtenField('host'), name)
      .optional()
      .describe('Fields for the upstream, by the claims that they hold.'),
    tenants: z
      .array(name)
      .optional()
      .describe('The tenants that there are; a token of another is refused. Default any.'),
    require: requirements
      .optional()
      .describe('What a token must say: claims with one of the values, one of the roles, all of the scopes.'),
    maxAge: duration.optional().describe('How old fetched keys may grow before new ones are asked for. Default 5m.'),
    cooldown: duration.optional().describe('The least time between two fetches of keys. Default 5s.'),
    cache: z.int().min(0).optional().describe('Verified tokens that are kept. Default 10000. 0 keeps none.'),
  })
  .check((ctx) => {
    const { jwks, keys, algorithms, header, forward } = ctx.value;
    const complain = (message: string, path: string): void =>
      void ctx.issues.push({ code: 'custom', input: ctx.value, message, path: [path] });
    if ((jwks === undefined) === (keys === undefined)) complain('write either jwks or keys', 'jwks');
    if (keys?.some((key) => isUsableKey(key, algorithms)) === false) complain(NO_KEYS, 'keys');
    if (header !== undefined && header !== 'authorization' && forward === undefined)
      complain('say with forward whether a token in a field of its own goes on', 'header');
  });

/** A filter `jwt`, as it is written down and read. */
export type JwtSpec = z.output<typeof jwtSchema>;

/** With nothing left open. */
export interface ResolvedJwtSpec {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly jwks: string | undefined;
  readonly keys: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly algorithms: readonly SignatureAlgorithm[] | undefined;
  readonly clockSkewMs: number;
  readonly requireExpiry: boolean;
  readonly header: string;
  readonly forward: boolean;
  readonly optional: boolean;
  readonly claims: Readonly<Record<'subject' | 'tenant' | 'roles' | 'scopes' | 'consumer', string>>;
  /** Names of fields for the upstream and of the claims that they hold. */
  readonly headers: readonly (readonly [field: string, claim: string])[];
  readonly tenants: ReadonlySet<string> | undefined;
  readonly require: {
    readonly claims: readonly (readonly [claim: string, values: readonly unknown[]])[];
    readonly roles: readonly string[] | undefined;
    readonly scopes: readonly string[];
    readonly tenant: boolean;
    readonly subject: boolean;
  };
  readonly maxAgeMs: number;
  readonly cooldownMs: number;
  readonly cacheTokens: number;
}

/** Fills in the defaults. */
export function resolveJwtSpec(spec: JwtSpec): ResolvedJwtSpec {
  const { audience, claims = {}, headers = {}, tenants, require = {} } = spec;
  return {
    issuer: spec.issuer,
    audience: typeof audience === 'string' ? [audience] : audience,
    jwks: spec.jwks,
    keys: spec.keys,
    algorithms: spec.algorithms,
    clockSkewMs: spec.clockSkew ?? 60_000,
    requireExpiry: spec.requireExpiry ?? true,
    header: spec.header ?? 'authorization',
    forward: spec.forward ?? false,
    optional: spec.optional ?? false,
    claims: {
      subject: claims.subject ?? 'sub',
      tenant: claims.tenant ?? 'tenant',
      roles: claims.roles ?? 'roles',
      scopes: claims.scopes ?? 'scope',
      consumer: claims.consumer ?? 'client_id',
    },
    headers: Object.entries(headers),
    tenants: tenants === undefined || tenants.length === 0 ? undefined : new Set(tenants),
    require: {
      claims: Object.entries(require.claims ?? {}).map(
        ([claim, value]) => [claim, Array.isArray(value) ? value : [value]] as const,
      ),
      roles: require.roles,
      scopes: require.scopes ?? [],
      tenant: require.tenant ?? false,
      subject: require.subject ?? false,
    },
    maxAgeMs: spec.maxAge ?? 300_000,
    cooldownMs: spec.cooldown ?? 5_000,
    cacheTokens: spec.cache ?? 10_000,
  };
}
