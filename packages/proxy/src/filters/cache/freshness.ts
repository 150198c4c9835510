import type { Fields } from '@fairlead/net';
import { NO_DIRECTIVES, parseDirectives, parseTargeted, type Directives } from './directives.ts';
import { parseHttpDate } from './http-date.ts';

/** How long answers are fresh that don't say so themselves. */
export interface FreshnessSettings {
  /** Of the time since `Last-Modified`, from 0 to 1; 0: such answers aren't fresh (RFC 9111, section 4.2.2). */
  readonly heuristicShare: number;
  /** What of that is the most, in milliseconds. */
  readonly heuristicMostMs: number;
  /** Of answers that say nothing at all, in milliseconds; 0: they aren't fresh. */
  readonly defaultMs: number;
}

/** An answer as far as its freshness goes. Times are milliseconds since 1970, by our clock. */
export interface AnswerFacts {
  readonly status: number;
  readonly fields: Fields;
  /** When it was asked for. */
  readonly askedAtMs: number;
  /** When its head came. */
  readonly cameAtMs: number;
}

/** How long an answer is fresh, and who says so. */
export interface Lifetime {
  /** In milliseconds, from when it was made. */
  readonly ms: number;
  readonly by: 'answer' | 'heuristic' | 'default' | 'nobody';
}

/** Statuses whose answers may be kept without being told to (RFC 9110, section 15.1), but for 206. */
const HEURISTIC = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** What an answer says to us: a targeted field in the place of all others (RFC 9213), or `Cache-Control`. */
export function directivesFor(fields: Fields): { readonly directives: Directives; readonly isTargeted: boolean } {
  const targeted = fields.get('cdn-cache-control');
  const read = targeted === undefined ? undefined : parseTargeted(targeted);
  if (read !== undefined) return { directives: read, isTargeted: true };
  const text = fields.get('cache-control');
  return { directives: text === undefined ? pragma(fields) : parseDirectives(text), isTargeted: false };
}

/** Of HTTP/1.0, and only where there is no `Cache-Control` (RFC 9111, section 5.4). */
function pragma(fields: Fields): Directives {
  const says = fields
    .get('pragma')
    ?.toLowerCase()
    .split(',')
    .some((each) => each.trim() === 'no-cache');
  return says === true ? { ...NO_DIRECTIVES, noCache: true } : NO_DIRECTIVES;
}

/** How long an answer is fresh (RFC 9111, section 4.2.1). What can't be read counts as gone already. */
export function lifetimeOf(facts: AnswerFacts, settings: FreshnessSettings): Lifetime {
  const { directives, isTargeted } = directivesFor(facts.fields);
  const said = directives.sMaxAge ?? directives.maxAge;
  if (said !== undefined) return { ms: said * 1_000, by: 'answer' };
  const expires = isTargeted ? undefined : facts.fields.get('expires');
  if (expires !== undefined) {
    const until = parseHttpDate(expires, facts.cameAtMs);
    return { ms: until === undefined ? 0 : Math.max(0, until - dateOf(facts)), by: 'answer' };
  }
  if (!HEURISTIC.has(facts.status) && !directives.isPublic) return { ms: 0, by: 'nobody' };
  const modified = modifiedOf(facts);
  if (settings.heuristicShare > 0 && modified !== undefined) {
    const ms = Math.max(0, dateOf(facts) - modified) * settings.heuristicShare;
    return { ms: Math.min(Math.floor(ms), settings.heuristicMostMs), by: 'heuristic' };
  }
  if (settings.defaultMs > 0) return { ms: settings.defaultMs, by: 'default' };
  return { ms: 0, by: 'nobody' };
}

/** How old an answer was when its head came, in milliseconds (RFC 9111, section 4.2.3). */
export function initialAgeOf(facts: AnswerFacts): number {
  const apparent = Math.max(0, facts.cameAtMs - dateOf(facts));
  // Our own clock may have been set back in between.
  const delay = Math.max(0, facts.cameAtMs - facts.askedAtMs);
  return Math.max(apparent, ageOf(facts.fields) * 1_000 + delay);
}

/** When an answer says that it was made; when it came, if it doesn't. */
export function dateOf({ fields, cameAtMs }: AnswerFacts): number {
  const text = fields.get('date');
  return (text === undefined ? undefined : parseHttpDate(text, cameAtMs)) ?? cameAtMs;
}

/** Its `Last-Modified`, as far as it can be read. */
export function modifiedOf({ fields, cameAtMs }: Pick<AnswerFacts, 'fields' | 'cameAtMs'>): number | undefined {
  const text = fields.get('last-modified');
  return text === undefined ? undefined : parseHttpDate(text, cameAtMs);
}

/** The first of what `Age` lists counts; what is no number counts as none (RFC 9111, section 5.1). */
function ageOf(fields: Fields): number {
  const [first = ''] = (fields.get('age') ?? '').split(',');
  const digits = first.trim();
  return /^\d+$/.test(digits) ? Math.min(Number(digits), 2 ** 31) : 0;
}
