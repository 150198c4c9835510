// Bodies of answers, made smaller for clients that take them so:
//   compress-kind.ts     which answers, and what is said of them
//   accepted-coding.ts   what a client takes
//   compress-stage.ts    a body on its way, encoder.ts what makes it smaller
import { CHUNKED } from '@fairlead/net';
import { z } from 'zod';
import type { AnswerFields, AnswerHead, Filter, FilterFactory, Passage, Revision } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { size } from '../../snapshot/quantities.ts';
import { acceptedCoding, type Accepted, type Coding } from './accepted-coding.ts';
import { compressStage } from './compress-stage.ts';
import { encoderOf } from './encoder.ts';

const CODINGS = ['zstd', 'br', 'gzip'] as const satisfies readonly Coding[];
const mediaType = z
  .string()
  .regex(/^[a-z0-9.+-]+\/(?:[a-z0-9.+-]+|\*)$/, 'write a media type in lower case, such as text/html or text/*');

const schema = z.strictObject({
  type: z.literal('compress'),
  codings: z
    .array(z.enum(CODINGS))
    .min(1)
    .refine((all) => new Set(all).size === all.length, { message: 'has one twice' })
    .optional()
    .describe('What may be chosen; of those that a client likes alike, the first. Default zstd, br, gzip.'),
  effort: z.enum(['fast', 'usual', 'small']).optional().describe('How much work goes into it. Default usual.'),
  minSize: size.optional().describe('Bodies that are known to be smaller stay as they are. Default 1KiB.'),
  types: z
    .array(mediaType)
    .min(1)
    .optional()
    .describe('Of which bodies. Default texts, JSON, XML, scripts, SVG and what is like them; no event streams.'),
  secrets: z
    .boolean()
    .optional()
    .describe(
      'Whether answers to who is known are compressed, too: their length may tell of their content. Default false.',
    ),
  maxAtOnce: z
    .int()
    .min(1)
    .optional()
    .describe('Bodies that are compressed at once in a process; beyond, they go as they are. Default 100.'),
});

type CompressSpec = z.output<typeof schema>;

const DEFAULT_MIN_BYTES = 1_024;
const DEFAULT_MAX_AT_ONCE = 100;
const EVENTS = 'text/event-stream';
/** What is worth it. Pictures, films, archives and most fonts are compressed already. */
const DEFAULT_TYPES =
  /^(?:text\/(?!event-stream$).+|application\/(?:javascript|json|manifest\+json|wasm|x-javascript|x-ndjson|xml)|.+\+(?:json|text|xml)|image\/(?:bmp|svg\+xml|x-icon)|font\/(?:collection|otf|ttf))$/;

/** Fields that are of the bytes as they were. */
const OF_THE_BYTES: AnswerFields = {
  'accept-ranges': undefined,
  'content-digest': undefined,
  'content-md5': undefined,
  digest: undefined,
  'repr-digest': undefined,
};

const WEAK = /(^|,\s*)W\/(?=")/g;

const make: FilterFactory<CompressSpec> = (spec, { kept }) => {
  const { codings = CODINGS, effort = 'usual', minSize = DEFAULT_MIN_BYTES, types, secrets = false } = spec;
  const { maxAtOnce = DEFAULT_MAX_AT_ONCE } = spec;
  const fits = typesTest(types);
  const underWay = kept('compress', () => ({ count: 0 }));

  const encoded = (head: AnswerHead, type: string, { coding }: { readonly coding: Coding }): Revision => ({
    fields: { ...OF_THE_BYTES, ...varying(head), ...weakened(head), 'content-encoding': coding },
    stage(next, source) {
      underWay.count += 1;
      const encoder = encoderOf(coding, effort);
      // What has no length comes as it is made, and somebody may wait for each part.
      const flushesParts = head.bodyBytes === CHUNKED || type === EVENTS;
      return compressStage({ encoder, flushesParts, onClosed: () => (underWay.count -= 1) }, next, source);
    },
  });

  const filter: Filter = {
    type: 'compress',
    request(passage) {
      // What was made weak here is strong there, and only strong ones let a write through.
      const match = passage.fields.get('if-match');
      if (match?.includes('W/') === true) passage.setUpstream('if-match', match.replaceAll(WEAK, '$1'));
      return undefined;
    },
    revise(passage, head): Revision | undefined {
      const { status, fields } = head;
      const accepted = acceptedCoding(passage.fields.get('accept-encoding'), codings);
      // What a client has kept of an answer that was compressed is known by the weak tag that it came with.
      if (status === 304) return accepted && { fields: { ...varying(head), ...weakened(head) } };
      const type = typeOf(fields.get('content-type'));
      if (status < 200 || status === 204 || status === 205 || status === 206 || !fits(type)) return undefined;
      if (hasCoding(fields.get('content-encoding')) || forbidsChange(passage, head)) return undefined;
      const isWanted = accepted !== undefined && (secrets || !isPersonal(passage, head)) && isWorth(head, accepted);
      if (isWanted && underWay.count < maxAtOnce) return encoded(head, type, accepted);
      return { fields: varying(head) };
    },
  };

  function isWorth({ bodyBytes }: AnswerHead, { isNeeded }: NonNullable<Accepted>): boolean {
    return bodyBytes !== 0 && (isNeeded || bodyBytes === CHUNKED || bodyBytes >= minSize);
  }

  return filter;
};

function typesTest(types: readonly string[] | undefined): (type: string) => boolean {
  if (types === undefined) return (type) => DEFAULT_TYPES.test(type);
  const whole = new Set(types);
  const families = types.filter((type) => type.endsWith('/*')).map((type) => type.slice(0, -1));
  return (type) => whole.has(type) || families.some((family) => type.startsWith(family));
}

function typeOf(field: string | undefined): string {
  return (field ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function hasCoding(field: string | undefined): boolean {
  return field !== undefined && field.trim().toLowerCase() !== 'identity';
}

/** Whether somebody has said that bytes go as they are (RFC 9111, sections 5.2.1.6 and 5.2.2.6). */
function forbidsChange(passage: Passage, { fields }: AnswerHead): boolean {
  const directives = `${passage.fields.get('cache-control') ?? ''},${fields.get('cache-control') ?? ''}`;
  return directives
    .toLowerCase()
    .split(',')
    .some((directive) => directive.trim() === 'no-transform');
}

/** Whether it may hold what only one client may know, beside what another can have put there (BREACH). */
function isPersonal({ fields, identity }: Passage, head: AnswerHead): boolean {
  return (
    identity !== undefined ||
    fields.get('cookie') !== undefined ||
    fields.get('authorization') !== undefined ||
    head.fields.get('set-cookie') !== undefined
  );
}

/** What a cache must look at besides (RFC 9110, section 12.5.5). */
function varying({ fields }: AnswerHead): AnswerFields {
  const vary = fields.get('vary');
  if (vary === undefined || vary === '') return { vary: 'accept-encoding' };
  const names = vary.split(',').map((name) => name.trim().toLowerCase());
  return names.includes('*') || names.includes('accept-encoding') ? {} : { vary: `${vary}, accept-encoding` };
}

/** Other bytes have another strong tag; a weak one says that they mean the same (RFC 9110, section 8.8.1). */
function weakened({ fields }: AnswerHead): AnswerFields {
  const tag = fields.get('etag');
  return tag === undefined || tag.startsWith('W/') ? {} : { etag: `W/${tag}` };
}

/** `compress`: bodies of answers, made smaller. */
export const compressKind: FilterKind<CompressSpec> = {
  type: 'compress',
  schema,
  open: ['codings.*', 'effort', 'minSize', 'types.*'],
  isAtDoor: () => true,
  explain: ({ codings = CODINGS, minSize = DEFAULT_MIN_BYTES, secrets = false }) =>
    `compresses answers of ${minSize} bytes and more with ${codings.join(', ')}${secrets ? '' : ', but those to who is known'}`,
  make,
};
