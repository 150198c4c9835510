import { directivesFor, lifetimeOf, type AnswerFacts, type FreshnessSettings } from './freshness.ts';
import { varyNames } from './vary.ts';

/** What decides whether an answer is kept. */
export interface StorageSettings extends FreshnessSettings {
  /** Statuses that are kept; `undefined`: whatever may be. */
  readonly statuses: ReadonlySet<number> | undefined;
  readonly withCookies: boolean;
  /** How long answers that don't say so may be given while they are asked for anew, or in the place of a failure, in milliseconds. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/** The request of an answer that may be kept: a GET without conditions and ranges of its client. */
export interface StorageRequest {
  readonly noStore: boolean;
  /** Whether it said who asks, by `Authorization` or to a filter. */
  readonly isIdentified: boolean;
}

/** Why an answer isn't kept; `undefined` when it is. The words stay: they are told in `Cache-Status`. */
export type NotStored =
  | 'request-no-store'
  | 'partial'
  | 'status'
  | 'no-store'
  | 'private'
  | 'identified'
  | 'cookie'
  | 'vary'
  | 'stream'
  | 'not-asked-to'
  | 'useless';

/** Statuses whose meaning this cache knows, for `must-understand` (RFC 9111, section 5.2.2.3). */
const UNDERSTOOD = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 451, 501]);

/** Reasons that are the request's: another one would have had another answer, and what is stored stands. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(['request-no-store', 'identified']);

/**
 * Whether an answer that is not kept takes the place of a stored one all the same: that is no longer what its origin says. Refusals
 * and failures say nothing of it, nor does an answer to somebody in particular.
 */
export function supersedes(status: number, why: string): boolean {
  if (OF_THE_REQUEST.has(why)) return false;
  return status === 404 || status === 410 || (status >= 200 && status < 400 && status !== 304 && status !== 206);
}

/** Why a shared cache does not keep an answer (RFC 9111, section 3). */
export function notStored(
  facts: AnswerFacts,
  request: StorageRequest,
  settings: StorageSettings,
): NotStored | undefined {
  const { status, fields } = facts;
  const { directives } = directivesFor(fields);
  if (request.noStore) return 'request-no-store';
  // Parts would have to be put together again; a range is asked for of a whole, or of its server.
  if (status === 206) return 'partial';
  if (status < 200 || status === 304 || settings.statuses?.has(status) === false) return 'status';
  if (directives.mustUnderstand ? !UNDERSTOOD.has(status) : directives.noStore) return 'no-store';
  if (directives.isPrivate) return 'private';
  const isShared = directives.isPublic || directives.mustRevalidate || directives.sMaxAge !== undefined;
  if (request.isIdentified && !isShared) return 'identified';
  if (
    fields.get('set-cookie') !== undefined &&
    !settings.withCookies &&
    !directives.withoutFields.includes('set-cookie')
  )
    return 'cookie';
  if (varyNames(fields.get('vary')) === undefined) return 'vary';
  // It ends when somebody goes away.
  if (fields.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true) return 'stream';
  const lifetime = lifetimeOf(facts, settings);
  if (lifetime.by === 'nobody' && !directives.noCache && !directives.isPublic) return 'not-asked-to';
  const isValidatable = fields.get('etag') !== undefined || fields.get('last-modified') !== undefined;
  const stale = [
    directives.staleWhileRevalidate,
    directives.staleIfError,
    settings.staleWhileRevalidateMs,
    settings.staleIfErrorMs,
  ];
  const isUseful = lifetime.ms > 0 || isValidatable || stale.some((each) => each !== undefined && each > 0);
  return isUseful ? undefined : 'useless';
}
