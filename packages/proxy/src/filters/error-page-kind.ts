import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer, Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { byFieldName } from '../snapshot/names.ts';
import { writtenField } from './field-name.ts';
import { fieldTemplate, readFieldTemplate, type FieldValue } from './field-template.ts';
import { problemCode } from './problem-code.ts';

const ownField = writtenField('host', 'date');

const schema = z.strictObject({
  type: z.literal('error-page'),
  on: z.array(z.int().min(300).max(599)).min(1).describe('Statuses of answers that it takes the place of.'),
  of: z
    .enum(['gateway', 'all'])
    .optional()
    .describe('Whose answers: those of the gateway itself (default), or those of upstreams, too.'),
  answer: z
    .strictObject({
      status: z.int().min(200).max(599).optional().describe('Default: the status of what it takes the place of.'),
      headers: byFieldName(ownField, fieldTemplate)
        .optional()
        .describe('Fields by name; may hold {target} and the like.'),
      body: z.string().optional().describe('Text. Default none.'),
      contentType: z.string().optional().describe('Of the body. Default text/plain; charset=utf-8.'),
      code: problemCode.optional().describe('For metrics and lines. Default ANSWERED_HERE.'),
      template: z.boolean().optional().describe('Whether the body, too, may hold {host} and the like. Default false.'),
    })
    .describe('What clients are told instead.'),
});

type ErrorPageSpec = z.output<typeof schema>;

/** Tells clients something else than a failure. Stands before the filters whose failures it concerns. */
const make: FilterFactory<ErrorPageSpec> = ({ on, of = 'gateway', answer }) => {
  const { status, headers = {}, body = '', contentType = 'text/plain; charset=utf-8', code = 'ANSWERED_HERE' } = answer;
  const statuses = new Set(on);
  const fields = Object.entries(headers).map(([name, text]): [string, FieldValue] => [name, readFieldTemplate(text)]);
  const text = answer.template === true ? readFieldTemplate(body) : body;
  const said = (passage: Passage, of_: number): LocalAnswer => ({
    status: status ?? of_,
    cause: code,
    detail: 'The gateway answers this itself.',
    fields: {
      ...Object.fromEntries(fields.map(([name, value]) => [name, filled(value, passage)])),
      ...(body === '' ? {} : { 'content-type': contentType }),
    },
    body: filled(text, passage),
  });
  const filter: Filter = {
    type: 'error-page',
    revise(passage, head) {
      if (!statuses.has(head.status) || (of === 'gateway' && head.cause === undefined)) return undefined;
      return { instead: said(passage, head.status) };
    },
  };
  return filter;
};

function filled(value: FieldValue, passage: Passage): string {
  return typeof value === 'string' ? value : value(passage);
}

/** `error-page`: what clients are told instead of a failure. */
export const errorPageKind: FilterKind<ErrorPageSpec> = {
  type: 'error-page',
  open: ['of', 'answer.headers.**', 'answer.body', 'answer.contentType', 'answer.code'],
  schema,
  explain: ({ on, of, answer }) =>
    `answers ${answer.status ?? 'the same status'} with a page of its own where ${of === 'all' ? 'an answer has' : 'the gateway says'} ${on.join(', ')}`,
  make,
};
