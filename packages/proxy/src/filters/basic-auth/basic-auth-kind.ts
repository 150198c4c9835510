import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { anonymousForm, anonymousIdentity, consumerIdentity, consumerShape, isProved } from '../consumer.ts';
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
          ...consumerShape,
          name: userName,
          consumer: name.optional().describe('Who it is to other filters. Default: the name.'),
          hash: hash.describe('Of the password, as `fairlead gateway password` prints it.'),
        }),
      )
      .describe('Who may ask.'),
    forward: z.boolean().optional().describe('Whether the password goes on to the upstream. Default false.'),
    optional: z
      .boolean()
      .optional()
      .describe('Whether a request without user and password passes, as nobody. Default false.'),
    anonymous: anonymousForm,
  })
  .superRefine(({ users, optional, anonymous }, context) => {
    if (optional !== undefined && anonymous !== undefined)
      context.addIssue({
        code: 'custom',
        message: 'lets everybody pass by itself; leave optional out',
        path: ['anonymous'],
      });
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
const make: FilterFactory<BasicAuthSpec> = (spec, world) => {
  const { realm, users, forward = false, optional = false } = spec;
  // Whoever has the same users and hashes shares what was found out.
  const key = JSON.stringify(users.map((user) => [user.name, user.hash]));
  const checks = world.kept(`basic-auth ${key}`, () => new PasswordChecks(hashesOf(users), world.random));
  const identities = new Map(
    users.map((user) => [user.name, consumerIdentity({ ...user, name: user.consumer ?? user.name })]),
  );
  const quoted = (realm ?? world.route).replaceAll(/["\\]/g, '\\$&');
  const fields = { 'www-authenticate': `Basic realm="${quoted}", charset="UTF-8"` };
  const missing = { status: 401, cause: 'PASSWORD_MISSING', detail: 'Send a user and a password.', fields };
  const wrong = { status: 401, cause: 'PASSWORD_WRONG', detail: 'User and password do not fit.', fields };

  const anonymous = spec.anonymous && anonymousIdentity(spec.anonymous);
  const refused = (passage: Passage, answer: LocalAnswer | undefined): Verdict => {
    if (anonymous === undefined) return answer;
    passage.identity = anonymous;
    return undefined;
  };

  const admitted = (passage: Passage, user: string, isRight: boolean): Verdict => {
    if (!isRight) return refused(passage, wrong);
    passage.identity = identities.get(user);
    return undefined;
  };

  const filter: Filter = {
    type: 'basic-auth',
    request(passage) {
      if (anonymous !== undefined && isProved(passage)) return undefined;
      const value = passage.fields.get('authorization');
      const credentials = value === undefined ? undefined : basicCredentials(value);
      if (credentials === undefined) return refused(passage, optional ? undefined : missing);
      if (!forward) passage.setUpstream('authorization', undefined);
      if (credentials === 'malformed') return refused(passage, wrong);
      const { user } = credentials;
      const isRight = checks.check(credentials);
      if (isRight === 'busy') return BUSY;
      if (typeof isRight === 'boolean') return admitted(passage, user, isRight);
      return isRight.then((found) => admitted(passage, user, found));
    },
  };
  return filter;
};

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
  open: [
    'realm',
    'users.*.name',
    'users.*.tenant',
    'users.*.roles.*',
    'users.*.scopes.*',
    'users.*.about.**',
    'users.*.consumer',
    'anonymous.name',
    'anonymous.tenant',
    'anonymous.roles.*',
    'anonymous.scopes.*',
    'anonymous.about.**',
  ],
  schema,
  identifies: true,
  owns: ({ forward }) => (forward === true ? [] : ['authorization']),
  explain: ({ users, optional }) =>
    `${optional === true ? 'takes' : 'needs'} a user and password of ${users.map((user) => user.name).join(', ')}`,
  make,
};
