import { z } from 'zod';
import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { basicCredentials } from './basic-credentials.ts';
import { PasswordChecks } from './password-checks.ts';
import { readPasswordHash, type PasswordHash } from './password-hash.ts';

const name = z.string().min(1);
const userName = z
  .string()
  .regex(/^[^:\p{Cc}]+$/u, 'may have neither a colon nor control characters')
  .transform((text) => text.normalize('NFC'));
const hash = z.string().superRefine((text, context) => {
  const read = readPasswordHash(text);
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: read });
});

const schema = z
  .strictObject({
    type: z.literal('basic-auth'),
    realm: z
      .string()
      .regex(/^[\x20-\x7e]+$/, 'holds printable ASCII')
      .optional()
      .describe('What people are asked the password for. Default: the route’s name.'),
    users: z
      .array(
        z.strictObject({
          name: userName,
          hash: hash.describe('Of the password, as `fairlead gateway password` prints it.'),
          tenant: name.optional(),
          roles: z.array(name).optional(),
          scopes: z.array(name).optional(),
        }),
      )
      .min(1)
      .describe('Who may ask.'),
    forward: z.boolean().optional().describe('Whether the password goes on to the upstream. Default false.'),
    optional: z
      .boolean()
      .optional()
      .describe('Whether a request without user and password passes, as nobody. Default false.'),
  })
  .superRefine(({ users }, context) => {
    const names = users.map((user) => user.name);
    const twice = names.find((one, at) => names.indexOf(one) !== at);
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: `has ${JSON.stringify(twice)} twice`, path: ['users'] });
  });

type BasicAuthSpec = z.output<typeof schema>;

const BUSY_MS = 1_000;
const BUSY: LocalAnswer = {
  status: 503,
  cause: 'PASSWORDS_BUSY',
  detail: 'Too many passwords are being checked. Come back in a moment.',
  retryAfterMs: BUSY_MS,
};

/** Knows people by user and password (RFC 7617, UTF-8). */
const make: FilterFactory<BasicAuthSpec> = ({ realm, users, forward = false, optional = false }, world) => {
  // Whoever has the same users and hashes shares what was found out.
  const key = JSON.stringify(users.map((user) => [user.name, user.hash]));
  const checks = world.kept(`basic-auth ${key}`, () => new PasswordChecks(hashesOf(users), world.random));
  const identities = new Map(users.map((user) => [user.name, identityOf(user)]));
  const quoted = (realm ?? world.route).replaceAll(/["\\]/g, '\\$&');
  const fields = { 'www-authenticate': `Basic realm="${quoted}", charset="UTF-8"` };
  const missing = { status: 401, cause: 'PASSWORD_MISSING', detail: 'Send a user and a password.', fields };
  const wrong = { status: 401, cause: 'PASSWORD_WRONG', detail: 'User and password do not fit.', fields };

  const admitted = (passage: Passage, user: string, isRight: boolean): Verdict => {
    if (!isRight) return wrong;
    passage.identity = identities.get(user);
    return undefined;
  };

  const filter: Filter = {
    type: 'basic-auth',
    request(passage) {
      const value = passage.fields.get('authorization');
      const credentials = value === undefined ? undefined : basicCredentials(value);
      if (credentials === undefined) return optional ? undefined : missing;
      if (!forward) passage.setUpstream('authorization', undefined);
      if (credentials === 'malformed') return wrong;
      const { user } = credentials;
      const isRight = checks.check(credentials);
      if (isRight === 'busy') return BUSY;
      if (typeof isRight === 'boolean') return admitted(passage, user, isRight);
      return isRight.then((found) => admitted(passage, user, found));
    },
  };
  return filter;
};

function identityOf({ name: consumer, tenant, roles = [], scopes = [] }: BasicAuthSpec['users'][number]): Identity {
  return Object.freeze({ consumer, ...(tenant === undefined ? {} : { tenant }), roles, scopes, claims: {} });
}

function hashesOf(users: BasicAuthSpec['users']): ReadonlyMap<string, PasswordHash> {
  const hashes = new Map<string, PasswordHash>();
  for (const { name: user, hash: written } of users) {
    const read = readPasswordHash(written);
    // The form has refused what can't be read.
    if (typeof read !== 'string') hashes.set(user, read);
  }
  return hashes;
}

/** `basic-auth`: who asks, by user and password. */
export const basicAuthKind: FilterKind<BasicAuthSpec> = {
  type: 'basic-auth',
  schema,
  identifies: true,
  explain: ({ users, optional }) =>
    `${optional === true ? 'takes' : 'needs'} a user and password of ${users.map((user) => user.name).join(', ')}`,
  make,
};
