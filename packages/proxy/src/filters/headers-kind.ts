import { z } from 'zod';
import type { Filter, FilterFactory, Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { claimAt, claimText, printable } from './claims.ts';

/** What frames messages and says who asks is the proxy's own affair. */
const OWN = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const fieldName = z
  .string()
  .regex(/^[a-z0-9-]+$/, 'write a field name in lower case, with dashes')
  .refine((field) => !OWN.has(field), { message: 'is written by the proxy itself; leave it out' });
const PLACEHOLDER = /\{([a-z-]+)(?::([^{}]+))?\}/g;
const NAMES = [
  'method',
  'host',
  'path',
  'client-address',
  'request-id',
  'tenant',
  'subject',
  'consumer',
  'header',
  'claim',
];
const template = z
  .string()
  .regex(/^[\t\x20-\x7e]*$/, 'a field holds printable ASCII')
  .superRefine((text, context) => {
    for (const [whole, kind = ''] of text.matchAll(PLACEHOLDER)) {
      if (NAMES.includes(kind)) continue;
      context.addIssue({
        code: 'custom',
        message: `there is no ${whole}; there are ${NAMES.map((each) => `{${each}}`).join(' ')}`,
      });
    }
  });
const edits = z.strictObject({
  set: z.record(fieldName, template).optional().describe('Fields by name, whatever came under it.'),
  remove: z.array(fieldName).optional().describe('Fields that are left out.'),
});

const schema = z.strictObject({
  type: z.literal('headers'),
  request: edits
    .optional()
    .describe('Of what goes upstream. Values may hold {host}, {header:x-a}, {claim:sub} and the like.'),
  answer: edits.optional().describe('Of what the client is told.'),
});

type HeadersSpec = z.output<typeof schema>;
type Value = string | ((passage: Passage) => string);
type Edit = readonly [field: string, value: Value | undefined];

const make: FilterFactory<HeadersSpec> = ({ request, answer }) => {
  const asked = editsOf(request);
  const told = editsOf(answer);
  const filter: Filter = {
    type: 'headers',
    request(passage) {
      for (const [field, value] of asked) passage.setUpstream(field, valueOf(value, passage));
      return undefined;
    },
    answer(passage) {
      for (const [field, value] of told) passage.setAnswer(field, valueOf(value, passage));
    },
  };
  return filter;
};

function editsOf(spec: HeadersSpec['request']): readonly Edit[] {
  return [
    ...(spec?.remove ?? []).map((field): Edit => [field, undefined]),
    ...Object.entries(spec?.set ?? {}).map(([field, text]): Edit => [field, read(text)]),
  ];
}

/** A text without placeholders is itself. */
function read(text: string): Value {
  const parts: Value[] = [];
  let end = 0;
  for (const found of text.matchAll(PLACEHOLDER)) {
    parts.push(text.slice(end, found.index), placeholder(found[1] ?? '', found[2] ?? ''));
    end = found.index + found[0].length;
  }
  parts.push(text.slice(end));
  return parts.length === 1
    ? text
    : (passage) => parts.map((part) => (typeof part === 'string' ? part : part(passage))).join('');
}

function placeholder(kind: string, name: string): Value {
  switch (kind) {
    case 'method':
      return ({ method }) => method;
    case 'host':
      return ({ host }) => host;
    case 'path':
      return ({ path }) => path;
    case 'client-address':
      return ({ clientAddress }) => clientAddress;
    case 'request-id':
      return ({ ctx }) => ctx.requestId;
    case 'tenant':
      return ({ identity }) => identity?.tenant ?? '';
    case 'subject':
      return ({ identity }) => printable(identity?.subject ?? '');
    case 'consumer':
      return ({ identity }) => printable(identity?.consumer ?? '');
    case 'header':
      return ({ fields }) => fields.get(name) ?? '';
    default:
      return ({ identity }) => claimText(identity && claimAt(identity.claims, name)) ?? '';
  }
}

function valueOf(value: Value | undefined, passage: Passage): string | undefined {
  return typeof value === 'function' ? value(passage) : value;
}

/** `headers`: fields that are set and left out on the way. */
export const headersKind: FilterKind<HeadersSpec> = {
  type: 'headers',
  schema,
  explain({ request, answer }) {
    const said = (what: string, spec: HeadersSpec['request']): string[] => [
      ...(spec?.set === undefined ? [] : [`sets ${Object.keys(spec.set).join(', ')} of the ${what}`]),
      ...(spec?.remove === undefined ? [] : [`removes ${spec.remove.join(', ')} of the ${what}`]),
    ];
    return [...said('request', request), ...said('answer', answer)].join(', ') || 'changes nothing';
  },
  make,
};
