import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer, Passage } from '../engine/filter.ts';
import { linearPattern, patternFault } from '../match/linear-pattern.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { duration } from '../snapshot/quantities.ts';

const origin = z.string().superRefine((text, context) => {
  const message = originFault(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
const pattern = z.strictObject({
  regex: z
    .string()
    .superRefine((source, context) => {
      const message = patternFault(source);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .describe("The whole origin, in RE2's syntax."),
});
const token = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is no name of HTTP');

const schema = z
  .strictObject({
    type: z.literal('cors'),
    origins: z
      .array(z.union([origin, pattern]))
      .min(1)
      .describe(
        "Whose pages may read answers: https://shop.example.com, https://*.example.com, { regex }, or '*' alone.",
      ),
    methods: z.array(token).min(1).optional().describe("Besides GET, HEAD and POST, or '*'. Default none."),
    headers: z
      .array(token)
      .min(1)
      .optional()
      .describe("Fields that requests may have besides the harmless ones, or '*', which is not authorization."),
    exposed: z.array(token).min(1).optional().describe("Fields of answers that pages may read, or '*'."),
    credentials: z.boolean().optional().describe('Whether cookies and the like may come along. Default false.'),
    maxAge: duration
      .optional()
      .describe('How long a browser may remember what it was told. Default 5s; 0s not at all.'),
    privateNetwork: z
      .boolean()
      .optional()
      .describe('Whether pages of the public internet may ask here, at a private address. Default false.'),
    forwardPreflights: z
      .boolean()
      .optional()
      .describe('Whether preflights go on, for the upstream to answer them by itself. Default false.'),
  })
  .superRefine(({ origins, exposed, credentials }, context) => {
    const say = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (origins.includes('*') && origins.length > 1) say('origins', "has '*' beside others, which it takes in");
    if (credentials !== true) return;
    if (origins.includes('*')) say('origins', "has '*' with credentials: any page could act as its reader; name them");
    if (exposed?.includes('*') === true) say('exposed', "has '*' with credentials, where browsers read it as a name");
  });

type CorsSpec = z.output<typeof schema>;

const DEFAULT_MAX_AGE_MS = 5_000;

/**
 * Lets pages of other origins read answers, by the Fetch standard's protocol (section 3.3) and as the Gateway API's
 * HTTPCORSFilter. Preflights end here; what an upstream says of it is replaced. It keeps no request away: browsers keep answers
 * from pages.
 */
const make: FilterFactory<CorsSpec> = (spec) => {
  const { origins, exposed = [], credentials = false, forwardPreflights = false } = spec;
  const isOpen = origins.includes('*');
  const isWelcome = isOpen ? () => true : originsTest(origins);
  const preflight = preflightAnswer(spec);
  const exposes = exposed.length === 0 ? undefined : exposed.join(', ');
  const filter: Filter = {
    type: 'cors',
    request(passage) {
      if (forwardPreflights || !isPreflight(passage)) return undefined;
      return preflight(passage, isWelcome(passage.fields.get('origin') ?? ''));
    },
    answer(passage) {
      if (forwardPreflights && isPreflight(passage)) return;
      const asking = passage.fields.get('origin');
      const allowed = asking !== undefined && isWelcome(asking) ? asking : undefined;
      const told = isOpen ? '*' : allowed;
      passage.setAnswer('access-control-allow-origin', told);
      passage.setAnswer('access-control-allow-credentials', credentials && told !== undefined ? 'true' : undefined);
      // Of a preflight nobody reads it; the Gateway API's own tests want it there, too.
      passage.setAnswer('access-control-expose-headers', told === undefined ? undefined : exposes);
      // Beside what the upstream says, which stays.
      if (!isOpen) passage.addAnswer('vary', 'Origin');
    },
  };
  return filter;
};

/** A question of a browser whether it may ask (Fetch, section 3.3.2). */
function isPreflight({ method, fields }: Passage): boolean {
  return (
    method === 'OPTIONS' &&
    fields.get('origin') !== undefined &&
    fields.get('access-control-request-method') !== undefined
  );
}

/** What isn't said is not allowed. With credentials browsers read `*` as a name, so that what was asked for is repeated. */
function preflightAnswer({
  methods = [],
  headers = [],
  credentials = false,
  maxAge = DEFAULT_MAX_AGE_MS,
  privateNetwork = false,
}: CorsSpec): (passage: Passage, isWelcome: boolean) => LocalAnswer {
  const told = (names: readonly string[], asked: string | undefined): string | undefined => {
    if (credentials && names.includes('*')) return asked;
    return names.length === 0 ? undefined : names.join(', ');
  };
  return ({ fields }, isWelcome) => {
    const asksPrivately = fields.get('access-control-request-private-network') === 'true';
    const allowed = isWelcome
      ? {
          'access-control-allow-methods': told(methods, fields.get('access-control-request-method')),
          'access-control-allow-headers': told(headers, fields.get('access-control-request-headers')),
          'access-control-max-age': String(Math.floor(maxAge / 1_000)),
          'access-control-allow-private-network': privateNetwork && asksPrivately ? 'true' : undefined,
        }
      : {};
    return { status: 204, cause: 'PREFLIGHT', detail: 'A preflight is answered here.', fields: allowed, body: '' };
  };
}

/** Whether an origin is one of these. They are compared as browsers write them: lower-case, without the scheme's own port. */
function originsTest(all: CorsSpec['origins']): (asking: string) => boolean {
  const origins = all.filter((one) => typeof one === 'string');
  const patterns = all.flatMap((one) => (typeof one === 'string' ? [] : [linearPattern(one.regex)]));
  const whole = new Set(origins.filter((one) => !one.includes('*')).map((one) => new URL(one).origin));
  const wild = origins
    .filter((one) => one.includes('*'))
    .map((one) => {
      const [scheme = '', rest = ''] = new URL(one.replace('*.', '')).origin.split('://');
      return { start: `${scheme}://`, end: `.${rest}` };
    });
  return (asking) =>
    whole.has(asking) ||
    patterns.some((each) => each.matches(asking)) ||
    wild.some(
      ({ start, end }) =>
        asking.startsWith(start) &&
        asking.endsWith(end) &&
        LABELS.test(asking.slice(start.length, Math.max(start.length, asking.length - end.length))),
    );
}

const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

function originFault(text: string): string | undefined {
  if (text === '*') return undefined;
  if (text === 'null') return 'is the origin of every sandboxed page; name who may';
  const bare = text.replace('://*.', '://');
  if (bare.includes('*')) return 'has a * elsewhere than as its first label; write https://*.example.com';
  const url = URL.canParse(bare) ? new URL(bare) : undefined;
  if (url === undefined || url.origin === 'null') return 'is no origin; write https://shop.example.com';
  if (bare.toLowerCase() !== url.origin && bare.toLowerCase() !== `${url.origin}:${PORTS[url.protocol]}`)
    return `is more than an origin; write ${text.replace(bare, url.origin)}`;
  return undefined;
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** `cors`: whose pages may read answers. */
export const corsKind: FilterKind<CorsSpec> = {
  type: 'cors',
  open: ['origins.*', 'origins.*.regex', 'methods.*', 'headers.*', 'exposed.*', 'maxAge'],
  schema,
  isAtDoor: () => true,
  explain({ origins, methods = [], credentials = false }) {
    const whose = origins.includes('*')
      ? 'any origin'
      : origins.map((one) => (typeof one === 'string' ? one : one.regex)).join(', ');
    const how = methods.length === 0 ? '' : ` and send ${methods.join(', ')}`;
    return `lets pages of ${whose} read answers${how}${credentials ? ', with credentials' : ''}`;
  },
  make,
};
