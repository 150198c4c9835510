import { z } from 'zod';
import { pointerSteps } from '../../match/json-pointer.ts';
import { parameterName } from '../../match/request-path.ts';
import { readTarget } from '../../match/request-target.ts';
import { byFieldName, fieldName, memberName } from '../../snapshot/names.ts';
import { duration, size } from '../../snapshot/quantities.ts';
import { circle, dependencies } from './order.ts';
import { readTemplate, type Source } from './template.ts';

/** More is no page any more. */
const MOST_PARTS = 32;

/** What frames messages, says who asks, and how an answer is to be written, is the proxy's own affair. */
const OWN_FIELDS =
  /^(?:accept-encoding|connection|content-.*|expect|forwarded|host|if-.*|keep-alive|proxy-.*|range|te|trace(?:parent|state)|trailer|transfer-encoding|upgrade|via|x-fairlead-.*|x-forwarded-.*|x-request-id)$/;

const pointer = z.string().refine((text) => (pointerSteps(text)?.length ?? Infinity) <= 16, {
  error: 'is no JSON pointer of at most 16 steps; write /customer/name, or an empty text for the whole',
});
const template = z
  .string()
  .regex(/^[\t\x20-\x7e]*$/, 'may only have printable ASCII characters')
  .superRefine((text, context) => {
    const read = readTemplate(text);
    if ('fault' in read) context.addIssue({ code: 'custom', message: read.fault });
  });
const pathTemplate = template.superRefine((text, context) => {
  const read = readTemplate(text);
  if ('fault' in read) return;
  const sample = read.map((piece) => (typeof piece === 'string' ? piece : 'x')).join('');
  const target = readTarget(sample);
  const message =
    target.kind === 'ambiguous'
      ? target.reason
      : sample.includes('?')
        ? 'may not have a query; write it under query'
        : undefined;
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
const ownPath = z.string().superRefine((text, context) => {
  const read = readTarget(text.replaceAll(/\{[A-Za-z_]\w*\}/g, 'x'));
  if (read.kind === 'ambiguous' || /[?{}]/.test(text.replaceAll(/\{[A-Za-z_]\w*\}/g, '')))
    context.addIssue({ code: 'custom', message: 'is no path of whole segments, such as /orders/{id}/page' });
});
const partField = fieldName.refine((name) => !OWN_FIELDS.test(name), {
  error: 'is written by the proxy itself; leave it out',
});

const partForm = z
  .strictObject({
    to: memberName.describe('The cluster that is asked.'),
    method: z
      .enum(['GET', 'HEAD'], {
        error: 'must be GET or HEAD: what changes something belongs into a service, where it can be undone',
      })
      .optional()
      .describe('Default GET. The value of HEAD is true when the part is there.'),
    path: pathTemplate.describe(
      'Such as /payments/{path:id}, or /customers/{order#/customerId} of what order answered.',
    ),
    query: z
      .record(z.string().min(1), template)
      .optional()
      .describe('Parameters by name. One whose value the request does not have is left out.'),
    headers: byFieldName(partField, template).optional().describe('Fields besides those that go on with every part.'),
    after: z
      .array(z.string())
      .optional()
      .describe('Parts that are waited for. Those whose answers stand in a template are, anyway.'),
    timeout: duration
      .refine((ms) => ms > 0, { error: 'must be more than 0s' })
      .optional()
      .describe('How long it may take. Default: what is left of the route’s time.'),
    maxBytes: size
      .refine((bytes) => bytes > 0, { error: 'must be more than 0B' })
      .default(256 * 1024)
      .describe('Largest answer. Default 256KiB.'),
    pick: z
      .union([pointer, z.record(pointer, pointer)])
      .optional()
      .describe('What of its answer is taken, by JSON pointer: one place, or new places and where each is taken from.'),
    at: pointer
      .optional()
      .describe('Where it goes in the whole, by JSON pointer; empty for all members of the whole. Default: its name.'),
    optional: z
      .boolean()
      .optional()
      .describe('Whether there is an answer without it. Default false; true with a default.'),
    default: z.json().optional().describe('What stands in its place when there is nothing.'),
    passes: z
      .array(z.int().min(400).max(499))
      .optional()
      .describe('Which of its statuses become that of the whole, with its body. Default 401, 403, 404, 410.'),
  })
  .superRefine((part, context) => {
    const { optional, passes, default: instead, at } = part;
    const say = (key: keyof typeof part, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (instead !== undefined && optional === false)
      say('optional', 'is false beside a default; leave one of them out');
    if (passes !== undefined && (optional === true || instead !== undefined))
      say('passes', 'is of a part that must be there; this one is optional');
    if (
      at === '' &&
      instead !== undefined &&
      (typeof instead !== 'object' || instead === null || Array.isArray(instead))
    )
      say('default', 'must be an object where it is all of the whole');
  });

const partName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'must be letters, digits, dashes and underscores, a letter first');

/** A composition, as it is written down. */
export const composeSchema = z
  .strictObject({
    type: z.literal('compose'),
    path: ownPath
      .optional()
      .describe('The whole path of the request, with {name} for any one segment. Others have no route. Default: any.'),
    parts: z.record(partName, partForm).describe(`What is asked, by name; at most ${MOST_PARTS}.`),
    forward: z
      .array(partField)
      .optional()
      .describe(
        'Fields of the request that go on to each part, besides what filters have set. Default accept-language.',
      ),
    parallel: z.int().min(1).max(MOST_PARTS).default(8).describe('Parts under way at once, of one request. Default 8.'),
    maxInFlight: z
      .int()
      .min(1)
      .default(256)
      .describe('Requests of the route under way at once; beyond, they are refused with 503. Default 256.'),
    maxBytes: size
      .refine((bytes) => bytes > 0, { error: 'must be more than 0B' })
      .default(1024 * 1024)
      .describe('Largest whole. Default 1MiB.'),
    partialAs: z
      .string()
      .min(1)
      .default('partial')
      .describe('The member of the whole that says which parts are missing, and why. Default partial.'),
  })
  .superRefine((spec, context) => {
    for (const { place, message } of partsFaults(spec)) context.addIssue({ code: 'custom', path: place, message });
  });

/** As `composeSchema` reads it. */
export type ComposeSpec = z.output<typeof composeSchema>;
/** One of its parts. */
export type PartSpec = ComposeSpec['parts'][string];

interface Fault {
  readonly place: (string | number)[];
  readonly message: string;
}

/** What only all parts together tell. */
function partsFaults({ path, parts, partialAs }: Pick<ComposeSpec, 'path' | 'parts' | 'partialAs'>): Fault[] {
  const names = Object.keys(parts);
  if (names.length === 0) return [{ place: ['parts'], message: 'is empty, so that there is nothing to answer' }];
  if (names.length > MOST_PARTS)
    return [{ place: ['parts'], message: `has ${names.length} parts; more than ${MOST_PARTS} belong into a service` }];
  const parameters = new Set((path ?? '').split('/').flatMap((segment) => parameterName(segment) ?? []));
  const faults = Object.entries(parts).flatMap(([name, part]) => [
    ...sourcesOf(part).flatMap(({ place, source }): Fault[] => {
      const message = sourceFault(source, name, names, parameters);
      return message === undefined ? [] : [{ place: ['parts', name, ...place], message }];
    }),
    ...(part.after ?? []).flatMap((other, at): Fault[] =>
      names.includes(other) && other !== name
        ? []
        : [
            {
              place: ['parts', name, 'after', at],
              message:
                other === name
                  ? 'is the part itself'
                  : `there is no part ${JSON.stringify(other)}; there are: ${names.join(', ')}`,
            },
          ],
    ),
    ...(pointerSteps(part.at ?? `/${name}`)?.[0] === partialAs
      ? [
          {
            place: ['parts', name],
            message: `goes to ${partialAs}, which says what is missing; give it another at, or write partialAs`,
          },
        ]
      : []),
  ]);
  if (faults.length > 0) return faults;
  const around = circle(dependencies(parts));
  if (around === undefined) return [];
  return [
    {
      place: ['parts', around[0] ?? ''],
      message: `waits for itself: ${[...around, around[0]].join(' waits for ')}`,
    },
  ];
}

/** The sources in a part's templates, with where they are written. */
function sourcesOf(part: PartSpec): readonly { readonly place: string[]; readonly source: Source }[] {
  const templates: [string[], string][] = [
    [['path'], part.path],
    ...Object.entries(part.query ?? {}).map(([key, text]): [string[], string] => [['query', key], text]),
    ...Object.entries(part.headers ?? {}).map(([key, text]): [string[], string] => [['headers', key], text]),
  ];
  return templates.flatMap(([place, text]) => {
    const read = readTemplate(text);
    if ('fault' in read) return [];
    return read.flatMap((piece) => (typeof piece === 'string' ? [] : [{ place, source: piece }]));
  });
}

function sourceFault(
  source: Source,
  name: string,
  names: readonly string[],
  parameters: ReadonlySet<string>,
): string | undefined {
  if (source.from === 'part') {
    if (source.part === name) return `has {${source.said}}, of the part itself`;
    return names.includes(source.part)
      ? undefined
      : `has {${source.said}}, and there is no part ${JSON.stringify(source.part)}; there are: ${names.join(', ')}`;
  }
  if (source.from !== 'path' || parameters.has(source.name)) return undefined;
  const known = [...parameters].map((each) => `{path:${each}}`).join(', ') || 'none; write the path of the composition';
  return `has {path:${source.name}}, which the path of the composition has not; there are: ${known}`;
}
