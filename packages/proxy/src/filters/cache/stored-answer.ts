import { Fields } from '@fairlead/net';
import { directivesFor, initialAgeOf, lifetimeOf, modifiedOf, type FreshnessSettings } from './freshness.ts';
import type { Directives } from './directives.ts';
import type { Validators } from './conditions.ts';
import type { Selecting } from './vary.ts';
import { httpDate } from './http-date.ts';

/** What of an answer is written down, beside its body. */
export interface AnswerRecord {
  /** What was asked for: scheme, host, path and query, as the key has them. */
  readonly resource: string;
  /** Whose it is and from where: answers of another one are never given. */
  readonly partition: string;
  readonly selecting: Selecting;
  readonly status: number;
  /** Names, lower-case, and values by turns. */
  readonly fields: readonly string[];
  readonly tags: readonly string[];
  /** When its head came, or was confirmed, in milliseconds since 1970. */
  readonly cameAtMs: number;
  /** How old it was then, in milliseconds. */
  readonly initialAgeMs: number;
  readonly lifetimeMs: number;
}

/** What an answer says, read once. */
export interface AnswerRules extends Validators {
  readonly directives: Directives;
  readonly lastModified: string | undefined;
}

/** What belongs to one connection, is told anew with each answer, or says how a body is framed. */
const NEVER_STORED = new Set([
  'age',
  'cache-status',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);
const OWN_PREFIX = 'x-fairlead-';
/** What says how the stored body is to be read: a 304 has no body to say it of (RFC 9111, section 3.2). */
const OF_THE_BODY = new Set([
  'content-encoding',
  'content-range',
  'content-md5',
  'digest',
  'repr-digest',
  'content-digest',
]);
/** Where answers name the groups that they are purged by. */
const TAG_FIELDS = ['cache-tag', 'surrogate-key'];
const MOST_TAGS = 256;

/** An answer as it comes, with all that is needed to write it down. */
export interface ArrivedAnswer {
  readonly resource: string;
  readonly partition: string;
  readonly selecting: Selecting;
  readonly status: number;
  readonly fields: Fields;
  readonly askedAtMs: number;
  readonly cameAtMs: number;
}

/** Writes an answer down. `withCookies`: also what it sets. */
export function recordOf(answer: ArrivedAnswer, settings: FreshnessSettings, withCookies: boolean): AnswerRecord {
  const { fields, cameAtMs } = answer;
  const { directives } = directivesFor(fields);
  const left = new Set([...connectionNames(fields), ...directives.withoutFields]);
  if (!withCookies) left.add('set-cookie');
  const list: string[] = [];
  for (let at = 0; at < fields.list.length; at += 2) {
    const name = fields.list[at] ?? '';
    if (isStored(name) && !left.has(name)) list.push(name, fields.list[at + 1] ?? '');
  }
  // Who has a clock dates what came without (RFC 9110, section 6.6.1).
  if (fields.get('date') === undefined) list.push('date', httpDate(cameAtMs));
  const { resource, partition, selecting, status } = answer;
  return {
    resource,
    partition,
    selecting,
    status,
    fields: list,
    tags: tagsOf(fields),
    cameAtMs,
    initialAgeMs: initialAgeOf(answer),
    lifetimeMs: lifetimeOf(answer, settings).ms,
  };
}

/** A record that a 304 has confirmed: its fields take the place of those that were there (RFC 9111, sections 3.2 and 4.3.4). */
export function confirmed(
  record: AnswerRecord,
  update: { readonly fields: Fields; readonly askedAtMs: number; readonly cameAtMs: number },
  settings: FreshnessSettings,
  withCookies: boolean,
): AnswerRecord {
  const { list } = update.fields;
  const stays = new Set([...connectionNames(update.fields), ...OF_THE_BODY]);
  const updated = new Set<string>();
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    if (isStored(name) && !stays.has(name)) updated.add(name);
  }
  const merged = pairsOf(record.fields)
    .filter(([name]) => !updated.has(name))
    .concat(pairsOf(list).filter(([name]) => updated.has(name)));
  const { resource, partition, selecting, status } = record;
  const { askedAtMs, cameAtMs } = update;
  // What was stored is as old as what confirms it: a date of before would make it old at once.
  const dated = updated.has('date')
    ? merged
    : merged.map(([name, value]) =>
        name === 'date' ? (['date', httpDate(cameAtMs)] as const) : ([name, value] as const),
      );
  // The age is that of the confirmation, not of what was there.
  const age = update.fields.get('age');
  const fields = new Fields([...dated.flat(), ...(age === undefined ? [] : ['age', age])]);
  return recordOf({ resource, partition, selecting, status, fields, askedAtMs, cameAtMs }, settings, withCookies);
}

/** What a record says, read once for all that is given of it. */
export function rulesOf({ fields: list, cameAtMs }: Pick<AnswerRecord, 'fields' | 'cameAtMs'>): AnswerRules {
  const fields = new Fields(list);
  return {
    directives: directivesFor(fields).directives,
    etag: fields.get('etag'),
    modifiedAtMs: modifiedOf({ fields, cameAtMs }),
    lastModified: fields.get('last-modified'),
  };
}

/** Groups that an answer names: by commas or by blanks. */
function tagsOf(fields: Fields): readonly string[] {
  const tags = TAG_FIELDS.flatMap((name) => (fields.get(name) ?? '').split(/[\s,]+/));
  return [...new Set(tags.filter((tag) => tag !== ''))].slice(0, MOST_TAGS);
}

function isStored(name: string): boolean {
  return !NEVER_STORED.has(name) && !name.startsWith(OWN_PREFIX);
}

function connectionNames(fields: Fields): string[] {
  return (fields.get('connection') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}

function pairsOf(list: readonly string[]): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at < list.length; at += 2) pairs.push([list[at] ?? '', list[at + 1] ?? '']);
  return pairs;
}
