import { z } from 'zod';
import { byFieldName } from '../../snapshot/names.ts';
import { duration } from '../../snapshot/quantities.ts';
import { writtenField } from '../field-name.ts';
import { claimNames, requirements, resolveJwtSpec, type ResolvedJwtSpec } from '../jwt/jwt-spec.ts';
import { secretBeside, secretSchema } from '../secret.ts';

const name = z.string().min(1);
const path = z
  .string()
  .regex(/^\/(?!\/)[A-Za-z0-9._~/-]*$/, 'write a path such as /oauth2/callback')
  .refine((text) => !text.split('/').some((segment) => segment === '.' || segment === '..'), {
    message: 'has dots for a segment',
  });
const above0 = duration.refine((ms) => ms > 0, { message: 'must be above 0' });

/** What the protocol itself sets. */
const OWN_PARAMETERS = [
  'client_id',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
];

const issuer = z.url({ error: 'write a URL, such as https://login.example.com' }).superRefine((text, context) => {
  if (!URL.canParse(text)) return;
  const { protocol, hostname, search, hash } = new URL(text);
  const complain = (message: string): void => context.addIssue({ code: 'custom', message });
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    complain('must be https: whoever can change what comes from there can be anybody');
  if (search !== '' || hash !== '') complain('has neither query nor fragment');
});

/** A filter `oidc` as it is written down. */
export const oidcSchema = z
  .strictObject({
    type: z.literal('oidc'),
    issuer: issuer.describe('Who says who people are; its metadata are at <issuer>/.well-known/openid-configuration.'),
    client: z
      .strictObject({
        id: name,
        secret: secretSchema.optional().describe('What it has given this client. Default: none, a public client.'),
        auth: z.enum(['basic', 'post']).optional().describe('How the secret is shown. Default basic.'),
      })
      .describe('Who we are there.'),
    session: z.strictObject({
      keys: z
        .array(secretSchema)
        .min(1)
        .describe(
          'Secrets of at least 32 characters. The first seals sessions, all of them open: so keys are changed.',
        ),
      name: z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be letters, digits, dashes and underscores, at most 40')
        .optional()
        .describe('Of the cookie, after __Host-. Filters of one host that share it share sessions. Default session.'),
      idle: above0.optional().describe('Ends a session that nobody uses. Default 1h.'),
      absolute: above0.optional().describe('Ends any session. Default 12h.'),
    }),
    origin: z
      .string()
      .regex(/^https?:\/\/[A-Za-z0-9._-]+(?::\d{1,5})?$/, 'write https://, the host, and its port if there is one')
      .optional()
      .describe('Under which people know this gateway. Default: https:// and the host of the request.'),
    callback: path.optional().describe('Where the provider sends people back. Default /oauth2/callback.'),
    login: path.optional().describe('Where a login can be begun; ?to= says where it leads. Default /oauth2/login.'),
    logout: z
      .strictObject({
        path: path.optional().describe('Default /oauth2/logout.'),
        provider: z.boolean().optional().describe('Whether the provider’s session ends as well. Default true.'),
        after: path
          .optional()
          .describe('Where people come out, which the provider must know. Default: it decides; without it /.'),
      })
      .optional(),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope'))
      .optional()
      .describe('Besides openid. Default none.'),
    parameters: z
      .record(name, z.string())
      .optional()
      .describe('What a login says besides to the provider, such as prompt or audience.'),
    userinfo: z.boolean().optional().describe('Whether claims are asked for at its userinfo, too. Default false.'),
    keep: z.array(name).optional().describe('Which claims a session keeps. Default all: long ones need large cookies.'),
    claims: claimNames.optional().describe('Which claims say who asks. Default sub, tenant, roles, scope, client_id.'),
    headers: byFieldName(writtenField('host'), name)
      .optional()
      .describe('Fields for the upstream, by the claims that they hold.'),
    forward: z
      .boolean()
      .optional()
      .describe('Whether the access token goes upstream as a bearer token. Default false.'),
    refresh: z
      .boolean()
      .optional()
      .describe('Whether tokens that end are renewed, where the provider gives what it takes. Default true.'),
    require: requirements
      .optional()
      .describe('What must be known of people: claims with one of the values, one of the roles, all of the scopes.'),
    optional: z.boolean().optional().describe('Whether who is not logged in passes, as nobody. Default false.'),
    clockSkew: duration.optional().describe('How far the provider’s clock may be off. Default 60s. 0s is exact.'),
    timeout: above0.optional().describe('For each of the provider’s answers. Default 5s.'),
    loginTimeout: above0.optional().describe('For people to log in. Default 10m.'),
  })
  .check((ctx) => {
    const { client, parameters = {}, session, callback, login, logout } = ctx.value;
    const complain = (message: string, ...at: string[]): void =>
      void ctx.issues.push({ code: 'custom', input: ctx.value, message, path: at });
    if (client.auth !== undefined && client.secret === undefined)
      complain('says how a secret is shown, and there is none', 'client', 'auth');
    for (const key of Object.keys(parameters))
      if (OWN_PARAMETERS.includes(key)) complain('is set by the protocol itself; leave it out', 'parameters', key);
    if ((session.idle ?? 0) > (session.absolute ?? Infinity))
      complain('is longer than any session lasts (absolute)', 'session', 'idle');
    const paths = Object.values(oidcPaths({ callback, login, logout }));
    if (new Set(paths).size < paths.length) complain('callback, login and logout need a path each', 'callback');
  });

/** A filter `oidc`, as it was read. */
export type OidcSpec = z.output<typeof oidcSchema>;

/** Paths that a login answers itself. */
export interface OidcPaths {
  readonly callback: string;
  readonly login: string;
  readonly logout: string;
}

/** With nothing left open. */
export interface ResolvedOidcSpec {
  readonly issuer: string;
  readonly clientId: string;
  readonly origin: string | undefined;
  readonly paths: OidcPaths;
  readonly endsProvider: boolean;
  readonly after: string | undefined;
  /** Of the cookies, `__Host-` included. */
  readonly cookie: string;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly scopes: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly asksUserinfo: boolean;
  readonly keep: readonly string[] | undefined;
  readonly forward: boolean;
  readonly refreshes: boolean;
  readonly optional: boolean;
  readonly clockSkewMs: number;
  readonly timeoutMs: number;
  readonly loginTimeoutMs: number;
  /** What of it says of an ID token what `jwt` says of any token. */
  readonly token: ResolvedJwtSpec;
}

/** Fills in the defaults. */
export function resolveOidcSpec(spec: OidcSpec): ResolvedOidcSpec {
  const { client, session, claims, headers, require, clockSkew } = spec;
  return {
    issuer: spec.issuer,
    clientId: client.id,
    origin: spec.origin,
    paths: oidcPaths(spec),
    endsProvider: spec.logout?.provider ?? true,
    after: spec.logout?.after,
    cookie: `__Host-${session.name ?? 'session'}`,
    idleMs: session.idle ?? Math.min(3_600_000, session.absolute ?? Infinity),
    absoluteMs: session.absolute ?? 43_200_000,
    scopes: ['openid', ...(spec.scopes ?? []).filter((scope) => scope !== 'openid')],
    parameters: spec.parameters ?? {},
    asksUserinfo: spec.userinfo ?? false,
    keep: spec.keep,
    forward: spec.forward ?? false,
    refreshes: spec.refresh ?? true,
    optional: spec.optional ?? false,
    clockSkewMs: clockSkew ?? 60_000,
    timeoutMs: spec.timeout ?? 5_000,
    loginTimeoutMs: spec.loginTimeout ?? 600_000,
    token: resolveJwtSpec({
      type: 'jwt',
      issuer: spec.issuer,
      audience: client.id,
      cache: 0,
      ...(claims === undefined ? {} : { claims }),
      ...(headers === undefined ? {} : { headers }),
      ...(require === undefined ? {} : { require }),
      ...(clockSkew === undefined ? {} : { clockSkew }),
    }),
  };
}

/** The same, with files of secrets looked for in `folder`. */
export function oidcBeside(spec: OidcSpec, folder: string): OidcSpec {
  const { client, session } = spec;
  return {
    ...spec,
    client: { ...client, ...(client.secret === undefined ? {} : { secret: secretBeside(client.secret, folder) }) },
    session: { ...session, keys: session.keys.map((key) => secretBeside(key, folder)) },
  };
}

/** Whether a host is this machine: only there may a login go without TLS. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}

/** The paths of its own that it answers. */
export function oidcPaths({ callback, login, logout }: Pick<OidcSpec, 'callback' | 'login' | 'logout'>): OidcPaths {
  return {
    callback: callback ?? '/oauth2/callback',
    login: login ?? '/oauth2/login',
    logout: logout?.path ?? '/oauth2/logout',
  };
}
