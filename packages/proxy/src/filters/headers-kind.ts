import { z } from 'zod';
import type { Filter, FilterFactory, Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { byFieldName } from '../snapshot/names.ts';
import { DependentEdits } from './dependent-edits.ts';
import { writtenField } from './field-name.ts';
import { fieldTemplate, readFieldTemplate, type FieldValue } from './field-template.ts';

/** Of requests, `host` is set to what the upstream reads there. */
const fieldOrHost = writtenField();
const field = writtenField('host');
const appended = byFieldName(field, z.union([fieldTemplate, z.array(fieldTemplate).min(1)])).optional();
const rename = byFieldName(field, field)
  .optional()
  .describe('Fields by name, and their new name; takes the place of what has it.');
const replace = byFieldName(field, fieldTemplate)
  .optional()
  .describe('Fields by name, where something comes under it.');
const fallback = byFieldName(field, fieldTemplate).optional().describe('Fields by name, where nothing comes under it.');
const remove = z.array(field).optional().describe('Fields that are left out.');
const omitEmpty = z
  .boolean()
  .optional()
  .describe('Whether fields whose value would be empty are left out. Default false.');

const asking = z.strictObject({
  set: byFieldName(fieldOrHost, fieldTemplate).optional().describe('Fields by name, whatever came under it.'),
  append: appended.describe('Lines beside whatever comes under that name.'),
  remove,
  rename,
  replace,
  default: fallback,
  omitEmpty,
});
const telling = z.strictObject({
  set: byFieldName(field, fieldTemplate).optional().describe('Fields by name, whatever came under it.'),
  append: appended.describe('Lines beside whatever comes under that name.'),
  remove,
  rename,
  replace,
  default: fallback,
  omitEmpty,
  on: z
    .enum(['all', 'success'])
    .optional()
    .describe('Which answers: all (default), or those with 200, 201, 204, 206, 301 to 304, 307 and 308.'),
});

const schema = z.strictObject({
  type: z.literal('headers'),
  request: asking
    .optional()
    .describe('Of what goes upstream. Values may hold {host}, {header:x-a}, {claim:sub} and the like.'),
  answer: telling.optional().describe('Of what the client is told.'),
});

type HeadersSpec = z.output<typeof schema>;
type EditsSpec = HeadersSpec['request'] | HeadersSpec['answer'];
type Edit = readonly [field: string, value: FieldValue | undefined];

const SUCCESS = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

const make: FilterFactory<HeadersSpec> = ({ request, answer }) => {
  const asked = editsOf(request);
  const askedMore = appendsOf(request);
  const askedHost = request?.set?.['host'];
  const host = askedHost === undefined ? undefined : readFieldTemplate(askedHost);
  const told = editsOf(answer);
  const toldMore = appendsOf(answer);
  const dependent = DependentEdits.of(request);
  const toldDependent = DependentEdits.of(answer);
  const filter: Filter = {
    type: 'headers',
    request(passage) {
      const named = valueOf(host, passage);
      if (named !== undefined && named !== '') passage.upstreamHost = named;
      if (dependent !== undefined) dependent.ask(passage);
      for (const [field, value] of asked) passage.setUpstream(field, kept(valueOf(value, passage), request));
      for (const [field, value] of askedMore) {
        const said = kept(valueOf(value, passage), request);
        if (said !== undefined) passage.addUpstream(field, said);
      }
      return undefined;
    },
    answer(passage, status) {
      if (answer?.on === 'success' && !SUCCESS.includes(status)) return;
      for (const [field, value] of told) passage.setAnswer(field, kept(valueOf(value, passage), answer));
      for (const [field, value] of toldMore) {
        const said = kept(valueOf(value, passage), answer);
        if (said !== undefined) passage.addAnswer(field, said);
      }
    },
  };
  if (toldDependent !== undefined)
    filter.revise = (passage, head) =>
      answer?.on === 'success' && !SUCCESS.includes(head.status) ? undefined : toldDependent.tell(passage, head);
  return filter;
};

function editsOf(spec: EditsSpec): readonly Edit[] {
  return [
    ...(spec?.remove ?? []).map((field): Edit => [field, undefined]),
    ...Object.entries(spec?.set ?? {})
      .filter(([field]) => field !== 'host')
      .map(([field, text]): Edit => [field, readFieldTemplate(text)]),
  ];
}

function appendsOf(spec: EditsSpec): readonly Edit[] {
  return Object.entries(spec?.append ?? {}).flatMap(([field, texts]) =>
    (Array.isArray(texts) ? texts : [texts]).map((text): Edit => [field, readFieldTemplate(text)]),
  );
}

function valueOf(value: FieldValue | undefined, passage: Passage): string | undefined {
  return typeof value === 'function' ? value(passage) : value;
}

function kept(value: string | undefined, spec: EditsSpec): string | undefined {
  return value === '' && spec?.omitEmpty === true ? undefined : value;
}

/** `headers`: fields that are set and left out on the way. */
export const headersKind: FilterKind<HeadersSpec> = {
  type: 'headers',
  open: [
    'request.remove.*',
    'request.rename.*',
    'answer.set.**',
    'answer.append.**',
    'answer.remove.*',
    'answer.rename.*',
    'answer.replace.**',
    'answer.default.**',
    'answer.on',
  ],
  schema,
  explain({ request, answer }) {
    const said = (what: string, spec: EditsSpec): string[] => [
      ...(spec?.rename === undefined ? [] : [`renames ${Object.keys(spec.rename).join(', ')} of the ${what}`]),
      ...(spec?.replace === undefined ? [] : [`replaces ${Object.keys(spec.replace).join(', ')} of the ${what}`]),
      ...(spec?.default === undefined ? [] : [`fills in ${Object.keys(spec.default).join(', ')} of the ${what}`]),
      ...(spec?.set === undefined ? [] : [`sets ${Object.keys(spec.set).join(', ')} of the ${what}`]),
      ...(spec?.append === undefined ? [] : [`adds ${Object.keys(spec.append).join(', ')} to the ${what}`]),
      ...(spec?.remove === undefined ? [] : [`removes ${spec.remove.join(', ')} of the ${what}`]),
    ];
    return [...said('request', request), ...said('answer', answer)].join(', ') || 'changes nothing';
  },
  make,
};
