import { z } from 'zod';
import type { Filter, FilterFactory, Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { fieldTemplate, readFieldTemplate, type FieldValue } from './field-template.ts';

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
const edits = z.strictObject({
  set: z.record(fieldName, fieldTemplate).optional().describe('Fields by name, whatever came under it.'),
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
type Edit = readonly [field: string, value: FieldValue | undefined];

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
    ...Object.entries(spec?.set ?? {}).map(([field, text]): Edit => [field, readFieldTemplate(text)]),
  ];
}

function valueOf(value: FieldValue | undefined, passage: Passage): string | undefined {
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
