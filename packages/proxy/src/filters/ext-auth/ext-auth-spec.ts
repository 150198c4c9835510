import { z } from 'zod';
import { byFieldName, fieldName, memberName } from '../../snapshot/names.ts';
import { duration } from '../../snapshot/quantities.ts';
import { writtenField } from '../field-name.ts';
import { fieldTemplate } from '../field-template.ts';

const written = writtenField('host');
const MOST_CACHED_MS = 60_000;

/** Fields of the service's answer: a list, or by the names that they get. */
const fieldsOfAnswer = z.union([z.array(written), byFieldName(written, fieldName)]);

/** A filter `ext-auth` as it is written down. */
export const extAuthSchema = z.strictObject({
  type: z.literal('ext-auth'),
  cluster: memberName.describe('Who decides: one of the clusters.'),
  path: z
    .string()
    .regex(/^\/[\x21\x22\x24-\x7e]*$/, 'write a path such as /verify')
    .describe('What it is asked: path, and query if it needs one.'),
  method: z.enum(['GET', 'HEAD', 'POST']).optional().describe('Default GET. No body is sent.'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9._:[\]-]+$/, 'is no host')
    .optional()
    .describe('What it is told in Host. Default: the endpoint.'),
  request: z
    .strictObject({
      fields: z
        .union([z.literal('all'), z.array(fieldName)])
        .optional()
        .describe('Which of the client’s fields it is told. Default all.'),
      set: byFieldName(written, fieldTemplate)
        .optional()
        .describe('Fields besides X-Original-URI, X-Original-Method, X-Original-URL and X-Forwarded-…, or instead.'),
      remove: z.array(fieldName).optional().describe('Fields that it is not told.'),
    })
    .optional(),
  upstream: fieldsOfAnswer
    .optional()
    .describe('Fields of its answer that go upstream; what clients send under these names never does.'),
  answer: fieldsOfAnswer
    .optional()
    .describe('Fields of its answer that are told to the client, such as set-cookie, also when it refuses.'),
  identity: z
    .strictObject({ subject: fieldName, consumer: fieldName, tenant: fieldName, roles: fieldName, scopes: fieldName })
    .partial()
    .optional()
    .describe('Fields of its answer that say who asks. Roles and scopes are divided by commas or spaces.'),
  login: z
    .strictObject({
      to: z
        .string()
        .regex(/^(?:https?:\/\/|\/(?!\/))[\x21-\x7e]*$/, 'write a URL, or a path of the same host')
        .describe('May hold {url}: what was asked for, percent-encoded.'),
      for: z.enum(['pages', 'all']).optional().describe('Whom: browsers that ask for pages (default), or everybody.'),
    })
    .optional()
    .describe('Where clients are sent with 302 instead of 401.'),
  timeout: duration
    .refine((timeoutMs) => timeoutMs > 0, { message: 'must be above 0' })
    .optional()
    .describe('For its answer. Default 2s.'),
  failOpen: z.boolean().optional().describe('Whether requests pass, as nobody, when nobody decides. Default false.'),
  failureStatus: z
    .int()
    .min(500)
    .max(599)
    .optional()
    .describe('What clients are told when nobody decides. Default 503; nginx says 500.'),
  unavailableStatus: z
    .int()
    .min(500)
    .max(599)
    .optional()
    .describe('What they are told when the service can not be asked at all. Default: failureStatus.'),
  cache: z
    .strictObject({
      by: z.array(fieldName).min(1).describe('The client’s fields that decide, such as authorization and cookie.'),
      of: z
        .enum(['request', 'credentials'])
        .optional()
        .describe(
          'Whether method, host, path, query and the client’s address decide as well (request, the default), or only these fields.',
        ),
      maxAge: duration
        .refine((ageMs) => ageMs > 0 && ageMs <= MOST_CACHED_MS, { message: 'must be above 0 and at most 1m' })
        .describe('How long a leave holds, at most 1m.'),
      maxEntries: z.int().min(1).max(1_000_000).optional().describe('Default 10000.'),
    })
    .optional()
    .describe(
      'Remembers leaves; never refusals, nor answers with Set-Cookie or Cache-Control: no-store. Default: none.',
    ),
});

/** A filter `ext-auth`, as it was read. */
export type ExtAuthSpec = z.output<typeof extAuthSchema>;

/** Pairs of a name for others and the service's name for it. */
export type FieldNames = readonly (readonly [name: string, its: string])[];

/** With nothing left open. */
export interface ResolvedExtAuthSpec {
  readonly upstream: FieldNames;
  readonly answer: FieldNames;
  readonly timeoutMs: number;
  readonly failureStatus: number;
  readonly unavailableStatus: number;
  readonly failOpen: boolean;
}

/** Fills in the defaults. */
export function resolveExtAuthSpec(spec: ExtAuthSpec): ResolvedExtAuthSpec {
  return {
    upstream: namesOf(spec.upstream),
    answer: namesOf(spec.answer),
    timeoutMs: spec.timeout ?? 2_000,
    failureStatus: spec.failureStatus ?? 503,
    unavailableStatus: spec.unavailableStatus ?? spec.failureStatus ?? 503,
    failOpen: spec.failOpen ?? false,
  };
}

function namesOf(written: ExtAuthSpec['upstream']): FieldNames {
  if (written === undefined) return [];
  return Array.isArray(written) ? written.map((name) => [name, name] as const) : Object.entries(written);
}
