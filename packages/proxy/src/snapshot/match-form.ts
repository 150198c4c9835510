import { z } from 'zod';
import { blockFault } from '../match/address-blocks.ts';
import { pointerSteps } from '../match/json-pointer.ts';
import { ANY_TEXT, patternFault } from '../match/linear-pattern.ts';
import type { MatchSpec, PathRule, TextRule, ValueRule, VersionRule } from '../match/match-spec.ts';
import { matchingPath, parameterName } from '../match/request-path.ts';
import { isDay } from '../match/version-rule.ts';
import { given } from './given.ts';
import { byFieldName, fieldName } from './names.ts';
import { size } from './quantities.ts';

const pattern = z.string().superRefine((source, context) => {
  const fault = patternFault(source);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

const plainPath = z.string().superRefine((path, context) => {
  const fault = pathFault(path);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

/** Whether there may be a parameter in a path, as most have none. */
const MAY_HAVE_PARAMETERS = /[:{}]/;

const templatePath = plainPath.superRefine((path, context) => {
  if (!MAY_HAVE_PARAMETERS.test(path)) return;
  const names = path.split('/').flatMap((segment) => parameterName(segment) ?? []);
  const part = path.split('/').find((segment) => /[{}]|^:/.test(segment) && parameterName(segment) === undefined);
  if (part !== undefined)
    context.addIssue({
      code: 'custom',
      message: `has ${JSON.stringify(part)}, where a parameter is a whole segment such as {id} or :id; write a regex`,
    });
  else if (new Set(names).size < names.length)
    context.addIssue({ code: 'custom', message: 'has a parameter twice; give each a name of its own' });
});

const prefixPath = plainPath.superRefine((path, context) => {
  if (!MAY_HAVE_PARAMETERS.test(path)) return;
  const parameter = path.split('/').find((segment) => parameterName(segment) !== undefined);
  if (parameter === undefined) return;
  context.addIssue({
    code: 'custom',
    message: `has the parameter ${parameter}, and a prefix is taken as it is; write { template: ${JSON.stringify(path)} }`,
  });
});

/** The characters that a path begins with, as `matchingPath` has it. */
const beginning = z.string().superRefine((path, context) => {
  const fault =
    path === '/-' || path.startsWith('/-/') ? pathFault(path) : path.startsWith('/') ? undefined : 'must begin with /';
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

/** What is wrong with a path that people wrote; those of requests are looked at by the engine. */
function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must begin with /';
  if (/[?#]/.test(path)) return 'may have neither ? nor #; write query parameters under query';
  if (/[\s\\]/.test(path)) return 'may have neither blanks nor backslashes';
  if (path.includes('//')) return 'may not have empty segments: such requests are refused';
  if (path.includes('*')) return 'has a *; a prefix goes on without one, and a regex says more';
  if (/\/\.{1,2}(?:\/|$)/.test(matchingPath(path))) return 'may not have . or .. segments: such requests are refused';
  if (path === '/-' || path.startsWith('/-/')) return "is the proxy's own: /- and below is not routed; choose another";
  return undefined;
}

const pathRule = z.union([
  prefixPath.describe('A prefix of whole segments.').transform((path): PathRule => ({ kind: 'prefix', path })),
  z
    .strictObject({
      exact: plainPath.optional().describe('The whole path.'),
      prefix: prefixPath.optional().describe('A prefix of whole segments.'),
      template: templatePath.optional().describe('The whole path, with {name} or :name for any one segment.'),
      regex: pattern.optional().describe("The whole path, in RE2's syntax."),
      startsWith: beginning
        .optional()
        .describe('Characters that it begins with, not of whole segments; asked as a regex is.'),
      unless: z
        .array(beginning)
        .min(1, 'is empty; leave it out')
        .optional()
        .describe('Beginnings that it has none of; beside regex or startsWith.'),
    })
    .transform((written, context): PathRule => {
      const rules: PathRule[] = [];
      const { exact, prefix, template, regex, startsWith, unless } = written;
      if (exact !== undefined) rules.push({ kind: 'exact', path: exact });
      if (prefix !== undefined) rules.push({ kind: 'prefix', path: prefix });
      if (template !== undefined) rules.push({ kind: 'template', path: template });
      if (regex !== undefined || startsWith !== undefined)
        rules.push({ kind: 'regex', pattern: regex ?? ANY_TEXT, ...given({ startsWith, unless }) });
      const [only] = rules;
      if (unless !== undefined && only?.kind !== 'regex')
        context.addIssue({
          code: 'custom',
          path: ['unless'],
          message: 'has a meaning beside regex or startsWith only',
        });
      if (only !== undefined && rules.length === 1) return only;
      context.addIssue({
        code: 'custom',
        message: 'needs exactly one of exact, prefix, template and regex (or startsWith, which may stand beside regex)',
      });
      return z.NEVER;
    }),
]);

const textRule = z.union([
  z.string().transform((exact): TextRule => ({ exact })),
  z
    .strictObject({
      exact: z.string().optional(),
      oneOf: z.array(z.string()).min(1, 'is empty, so that nothing would fit').optional(),
      prefix: z.string().optional(),
      regex: pattern.optional().describe("The whole value, in RE2's syntax."),
      present: z.boolean().optional().describe('Whether it is there at all.'),
    })
    .superRefine((rule, context) => {
      const count = Object.values(rule).filter((each) => each !== undefined).length;
      if (count === 0) context.addIssue('says nothing; write a text, or one of exact, oneOf, prefix, regex, present');
      if (rule.present === false && count > 1)
        context.addIssue('is to be absent, and to have a value: it never matches');
    })
    .transform((rule) => given(rule)),
]);

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const valueRule = z.union([
  scalar.transform((value): ValueRule => ({ oneOf: [value] })),
  z
    .array(scalar)
    .min(1, 'is empty, so that nothing would fit')
    .transform((oneOf): ValueRule => ({ oneOf })),
  z
    .strictObject({
      oneOf: z.array(scalar).min(1, 'is empty, so that nothing would fit').optional(),
      regex: pattern.optional().describe("The whole text, in RE2's syntax."),
      present: z.boolean().optional().describe('Whether it is there at all.'),
    })
    .superRefine((rule, context) => {
      const count = Object.values(rule).filter((each) => each !== undefined).length;
      if (count === 0)
        context.addIssue('says nothing; write a value, a list of values, or one of oneOf, regex, present');
      if (rule.present === false && count > 1)
        context.addIssue('is to be absent, and to have a value: it never matches');
    })
    .transform((rule) => given(rule)),
]);

const method = z
  .string()
  .regex(/^[A-Z][A-Z0-9_-]{0,30}$/, 'must be a method in capitals, such as GET')
  .refine((name) => name !== 'CONNECT', 'can not be CONNECT, which is never forwarded');

const versionForm = z
  .strictObject({
    by: z.enum(['path', 'header', 'media-type', 'date'], {
      error: 'must be path, header, media-type or date',
    }),
    is: z.string().min(1).optional().describe('The version; for path 2 or v2, the segment /v2 before the path.'),
    header: fieldName.optional().describe('Default api-version.'),
    from: z.string().optional().describe('First day of the version, such as 2026-01-31.'),
    until: z.string().optional().describe('First day on which it is no longer the version. Default: it goes on.'),
    default: z.boolean().optional().describe('Whether requests that ask for no version are meant, too. Default false.'),
  })
  .superRefine((version, context) => {
    const { by, is, header, from, until } = version;
    const say = (key: keyof typeof version, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const unused = (key: 'is' | 'header' | 'from' | 'until' | 'default') => {
      if (version[key] !== undefined) say(key, `has no meaning for versions by ${by}; leave it out`);
    };
    if (by === 'date') {
      unused('is');
      if (from === undefined) say('from', 'is missing: the first day of this version');
      for (const key of ['from', 'until'] as const) {
        const day = version[key];
        if (day !== undefined && !isDay(day)) say(key, `write a day such as 2026-01-31, not ${JSON.stringify(day)}`);
      }
      if (from !== undefined && until !== undefined && until <= from)
        say('until', 'is not after from: no day would fit');
      return;
    }
    if (is === undefined) say('is', 'is missing: which version');
    unused('from');
    unused('until');
    if (by !== 'header' && header !== undefined) unused('header');
    if (by !== 'path') return;
    unused('default');
    if (is !== undefined && !/^v?[A-Za-z0-9._-]+$/.test(is))
      say('is', 'must be one segment of a path, such as 2 or v2');
  });

const grpcName = z.string().regex(/^[A-Za-z_][\w.]*$/, 'is no name of gRPC; write package.Service, or Method');
const addressBlock = z.string().superRefine((block, context) => {
  const message = blockFault(block);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
const pointer = z
  .string()
  .refine(
    (text) => pointerSteps(text) !== undefined,
    'is no JSON pointer; write /order/type, or "" for the whole body',
  );

/** What a request must be, as people write it. */
export const matchForm = z
  .strictObject({
    path: pathRule.optional().describe('Default: any.'),
    method: z
      .union([method, z.array(method).min(1, 'is empty, so that nothing would fit')])
      .optional()
      .describe('Default: any. GET does not include HEAD.'),
    headers: byFieldName(fieldName, textRule).optional(),
    query: z.record(z.string(), textRule).optional().describe('Of a parameter that comes twice, the first counts.'),
    cookies: z.record(z.string(), textRule).optional(),
    grpc: z
      .strictObject({ service: grpcName.optional(), method: grpcName.optional() })
      .optional()
      .describe('Takes the place of path. What is left out is any.'),
    version: versionForm.optional().describe('Which version of an API.'),
    client: z
      .union([addressBlock, z.array(addressBlock).min(1, 'is empty, so that nobody would fit')])
      .optional()
      .describe("Addresses and CIDR blocks that hold the client's."),
    claims: z
      .record(z.string(), valueRule)
      .optional()
      .describe('Of a verified token, by name, with dots into objects. The filters for all routes must verify it.'),
    body: z.record(pointer, valueRule).optional().describe('Of a JSON body, by JSON pointer.'),
    bodyUpTo: size.optional().describe('How large a body is read to look into it. Default 64KiB.'),
  })
  .transform((written, context): MatchSpec => {
    const { path, grpc, version, method: methods, client, body, bodyUpTo } = written;
    if (grpc !== undefined && path !== undefined)
      context.addIssue({ code: 'custom', path: ['grpc'], message: 'is a path by itself; leave path out' });
    if (bodyUpTo !== undefined && body === undefined)
      context.addIssue({ code: 'custom', path: ['bodyUpTo'], message: 'has nothing to look for; it belongs to body' });
    if (version?.by === 'path' && path?.kind === 'regex')
      context.addIssue({ code: 'custom', path: ['version'], message: 'can not stand before a regex; write it there' });
    return given({
      path: version?.by === 'path' ? versioned(path, version.is ?? '') : path,
      methods: typeof methods === 'string' ? [methods] : methods,
      headers: written.headers,
      query: written.query,
      cookies: written.cookies,
      grpc: grpc === undefined ? undefined : given(grpc),
      version: versionRule(version),
      clients: typeof client === 'string' ? [client] : client,
      claims: written.claims,
      body,
      maxBodyBytes: bodyUpTo,
    });
  });

function versioned(path: PathRule | undefined, is: string): PathRule {
  const segment = `/${is.startsWith('v') ? is : `v${is}`}`;
  if (path === undefined || path.kind === 'regex') return { kind: 'prefix', path: segment };
  return { kind: path.kind, path: path.path === '/' ? segment : `${segment}${path.path}` };
}

function versionRule(written: z.output<typeof versionForm> | undefined): VersionRule | undefined {
  if (written === undefined || written.by === 'path') return undefined;
  const { is = '', header = 'api-version', from = '', until, default: isDefault = false } = written;
  if (written.by === 'media-type') return { by: 'media-type', is, isDefault };
  return written.by === 'header'
    ? { by: 'header', header, is, isDefault }
    : { by: 'date', header, from, until, isDefault };
}
