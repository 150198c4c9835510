import { parseDuration, parseSize } from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import { z } from 'zod';
import type { FilterDefinition } from './definition.ts';
import { nameFault, type Named } from './platform-name.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Text that may be a name. */
const nameOf = (what: Named) =>
  z.string().superRefine((name, context) => {
    const message = nameFault(name, what);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
const platformName = nameOf('platform');
const memberName = nameOf('member');

const modulePath = z
  .string()
  .regex(/^\.\.?\//, 'must be a path relative to the blueprint that begins with ./ or ../')
  .regex(/\.(?:ts|mts|js|mjs)$/, 'must name a file that ends in .ts, .mts, .js or .mjs');

/** Also lists a service's roles and a route's: they travel in one header, separated by commas. */
const role = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, 'must be letters, digits and ._:- (at most 64)');

const duration = z.string().transform((text, context) => {
  const value = parseDuration(text);
  if (value === undefined)
    context.addIssue(`is no duration: ${JSON.stringify(text)}; write a number and ms, s, m or h, such as "10s"`);
  else if (value === 0)
    context.addIssue('may not be 0: a deadline is what keeps the edge alive; write a long one, such as "5m"');
  else if (value > 3_600_000) context.addIssue('may be at most "1h"');
  return value ?? z.NEVER;
});

const size = z.string().transform((text, context) => {
  const value = parseSize(text);
  if (value === undefined)
    context.addIssue(`is no size: ${JSON.stringify(text)}; write a number and B, KiB, MiB or GiB, such as "64KiB"`);
  return value ?? z.NEVER;
});

const routePath = z.string().superRefine((path, context) => {
  const segments = path.slice(1).split('/');
  if (!path.startsWith('/')) context.addIssue('must begin with /');
  else if (/[*{}]/.test(path) || segments.some((segment) => segment.startsWith(':'))) {
    context.addIssue('is a prefix of whole segments, not a pattern; write /orders, which also answers /orders/42');
  } else if (path !== '/' && path.endsWith('/'))
    context.addIssue('may not end with /; the prefix /orders also answers /orders/');
  else if (path !== '/' && segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    context.addIssue('may not have empty, . or .. segments');
  } else if (!/^[A-Za-z0-9._~!$&'()+,;=:@/-]*$/.test(path)) {
    context.addIssue("may only have letters, digits and ._~!$&'()+,;=:@- in its segments");
  } else if (segments[0] === '-') context.addIssue("/- is the gateway's own; choose another first segment");
});

/** What is in them is for the gateway to say; see filters.ts. */
const filters = z
  .custom<readonly FilterDefinition[]>((value) => Array.isArray(value), { error: 'must be a list of filters' })
  .superRefine((list, context) => {
    for (const path of placesJsonCannotCarry(list))
      context.addIssue({ code: 'custom', path, message: 'is nothing that JSON can carry' });
  })
  .default([]);

const route = z.strictObject({
  path: routePath,
  service: z.string().optional(),
  methods: z
    .array(z.enum(METHODS, { error: `must be one of ${METHODS.join(', ')}` }))
    .min(1, 'is empty, so that the route would answer nothing; leave it out for every method')
    .optional(),
  roles: z
    .array(role)
    .min(1, 'is empty, so that nobody could pass; leave it out for every authenticated subject')
    .optional(),
  timeout: duration.optional(),
  maxBody: size.optional(),
  filters,
});

const external = z
  .strictObject({
    contract: modulePath,
    run: modulePath.optional(),
    url: z
      .string()
      .refine(isOrigin, 'must be an http: or https: URL without credentials, query or fragment')
      .optional(),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable'), z.string())
      .optional(),
  })
  .superRefine((value, context) => {
    if (value.run === undefined && value.url === undefined) {
      context.addIssue('leads nowhere; give it run (a module to start) or url (where it answers), or both');
    }
    if (value.env !== undefined && value.run === undefined) {
      context.addIssue({ code: 'custom', path: ['env'], message: 'has no process to go to; it belongs to run' });
    }
  });

const tenantId = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/,
    'must be lower-case letters, digits, dashes and underscores, at most 63',
  );

const tenantSettings = z.custom<Readonly<Record<string, unknown>>>().superRefine((settings, context) => {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    context.addIssue('must be an object');
    return;
  }
  if (Object.hasOwn(settings, 'displayName') && typeof settings['displayName'] !== 'string') {
    context.addIssue({ code: 'custom', path: ['displayName'], message: 'must be a string' });
  }
  for (const path of placesJsonCannotCarry(settings)) {
    context.addIssue({ code: 'custom', path, message: 'is nothing that JSON can carry' });
  }
});

/** The blueprint's shape. Unknown keys are refused everywhere but in tenants' settings. */
export const blueprintSchema = z.strictObject({
  name: platformName,
  services: z.record(memberName, modulePath),
  externals: z.record(memberName, external).default({}),
  tenants: z.record(tenantId, tenantSettings).default({}),
  // Whom they are for, and what is in them: see policies.ts.
  policies: z.record(z.string(), z.custom<PolicySpec>()).default({}),
  gateway: z.strictObject({
    filters,
    routes: z.array(route),
    timeout: duration.default(10_000),
    maxBody: size.default(1024 * 1024),
  }),
});

/** A blueprint of the right shape, its quantities parsed. */
export type ParsedBlueprint = z.output<typeof blueprintSchema>;

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.username === '' &&
    url.password === '' &&
    !/[?#]/.test(text)
  );
}

function placesJsonCannotCarry(value: unknown, seen: readonly unknown[] = []): PropertyKey[][] {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return [];
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [[]];
  if (typeof value !== 'object' || seen.includes(value)) return [[]];
  const prototype: unknown = Object.getPrototypeOf(value);
  const entries: [PropertyKey, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return [[]];
  return entries.flatMap(([key, member]) =>
    placesJsonCannotCarry(member, [...seen, value]).map((rest) => [key, ...rest]),
  );
}
