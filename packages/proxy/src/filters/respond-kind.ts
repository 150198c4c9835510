import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer, Passage } from '../engine/filter.ts';
import { queryValue } from '../match/request-values.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { byFieldName, fieldName } from '../snapshot/names.ts';
import { writtenField } from './field-name.ts';
import { fieldTemplate, readFieldTemplate, type FieldValue } from './field-template.ts';
import { problemCode } from './problem-code.ts';

const BODILESS = [204, 205, 304];

/** What code says may be anything. */
function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

/** What a body is, is said by `contentType`. */
const ownField = writtenField('host', 'date', 'content-type');
const fieldValue = z.string().regex(/^[\t\x20-\x7e]*$/, 'a field holds printable ASCII');

const schema = z
  .strictObject({
    type: z.literal('respond'),
    status: z.int().min(200).max(599).optional().describe('Default 200.'),
    headers: byFieldName(ownField, z.union([fieldValue, z.array(fieldValue).min(1)]))
      .optional()
      .describe('Fields by name; a list is a line each.'),
    body: z
      .string()
      .optional()
      .describe('Text. Default none; for 400 and above a problem document of code and detail.'),
    json: z.unknown().refine(isJson, { message: 'is nothing that JSON has' }).optional().describe('A body of JSON.'),
    contentType: fieldValue
      .optional()
      .describe('Of the body. Default text/plain; charset=utf-8, or application/json for json.'),
    code: problemCode.optional().describe('Of the problem document, of metrics and lines. Default ANSWERED_HERE.'),
    detail: z.string().optional().describe('Of the problem document.'),
    template: z
      .boolean()
      .optional()
      .describe('Whether headers and body may hold {host}, {target}, {header:x-a} and the like. Default false.'),
    when: z
      .strictObject({ header: fieldName.optional(), query: z.string().min(1).optional() })
      .refine(({ header, query }) => header !== undefined || query !== undefined, {
        message: 'write header, query or both',
      })
      .optional()
      .describe('Only requests with this field, or with this parameter. Default: all.'),
  })
  .superRefine((spec, context) => {
    const { status = 200, body, json, contentType, code, detail } = spec;
    if (spec.template === true)
      for (const text of [body ?? '', ...Object.values(spec.headers ?? {}).flat()])
        for (const { message } of fieldTemplate.safeParse(text.replaceAll(/[^\t\x20-\x7e]/g, '')).error?.issues ?? [])
          context.addIssue({ code: 'custom', path: ['template'], message });
    const say = (key: keyof typeof spec, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (body !== undefined && json !== undefined) say('json', 'is there beside body; write one of them');
    const key = body === undefined ? 'json' : 'body';
    const hasBody = body !== undefined || json !== undefined;
    if (hasBody && BODILESS.includes(status)) say(key, `has no place: an answer with ${status} has no body`);
    if (!hasBody && contentType !== undefined) say('contentType', 'is of a body, and there is none');
    if (code !== undefined && status < 400) say('code', 'is of a failure; the status is none');
    if (detail !== undefined && (status < 400 || hasBody)) say('detail', 'is of a problem document; this is none');
  });

type RespondSpec = z.output<typeof schema>;

const make: FilterFactory<RespondSpec> = (spec) => {
  const said = spec.template === true ? filledAnswer(spec) : undefined;
  const answer = answerOf(spec);
  const { when } = spec;
  const filter: Filter = {
    type: 'respond',
    request: (passage) => (when === undefined || isMeant(passage, when) ? (said?.(passage) ?? answer) : undefined),
  };
  return filter;
};

function isMeant({ fields, query }: Passage, when: NonNullable<RespondSpec['when']>): boolean {
  if (when.header !== undefined && fields.get(when.header) !== undefined) return true;
  return when.query !== undefined && queryValue(query, when.query) !== undefined;
}

/** An answer that holds something of each request. */
function filledAnswer(spec: RespondSpec): (passage: Passage) => LocalAnswer {
  const headers = Object.entries(spec.headers ?? {}).map(
    ([name, values]) => [name, [values].flat().map(readFieldTemplate)] as const,
  );
  const body = spec.body === undefined ? undefined : readFieldTemplate(spec.body);
  return (passage) => {
    const filled = (value: FieldValue): string => (typeof value === 'string' ? value : value(passage));
    return answerOf({
      ...spec,
      headers: Object.fromEntries(headers.map(([name, values]) => [name, values.map(filled)])),
      ...(body === undefined ? {} : { body: filled(body) }),
    });
  };
}

function answerOf({ status = 200, headers = {}, body, json, contentType, code, detail }: RespondSpec): LocalAnswer {
  const text = json === undefined ? body : JSON.stringify(json);
  const told = { status, cause: code ?? 'ANSWERED_HERE', detail: detail ?? 'The gateway answers this itself.' };
  // Without a text of its own, a failure is a problem document.
  if (text === undefined) return status >= 400 ? { ...told, fields: headers } : { ...told, fields: headers, body: '' };
  const type = contentType ?? (json === undefined ? 'text/plain; charset=utf-8' : 'application/json');
  return { ...told, fields: { ...headers, 'content-type': type }, body: text };
}

/** `respond`: an answer of the gateway's own to every request. */
export const respondKind: FilterKind<RespondSpec> = {
  type: 'respond',
  open: ['headers.**', 'body', 'json', 'json.**', 'contentType', 'code', 'detail', 'when.header', 'when.query'],
  schema,
  answersAll: true,
  explain: ({ status = 200, code, when }) =>
    `answers ${when === undefined ? 'everything' : `what has ${[when.header, when.query].filter((each) => each !== undefined).join(' or ')}`} with ${status}${code === undefined ? '' : ` ${code}`}`,
  make,
};
