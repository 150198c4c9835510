import type { Problems } from './problems.ts';
import { shown, type Fields } from './readers.ts';

/** After which failures a call may be made once more: what retry and hedge have in common. */
export interface RepeatSpec {
  /**
   * Codes of errors to repeat after, whatever their status. Default: those of a connection that could not be made, broke
   * or fell silent, such as `ECONNREFUSED`. An empty list: only `statuses` count.
   */
  readonly codes?: readonly string[];
  /**
   * HTTP statuses to repeat after; an error of ours has the status of its kind, so `503` is every `unavailable`.
   * Default 408, 425, 429, 502, 503, 504. An empty list: only `codes` count.
   */
  readonly statuses?: readonly number[];
  /** Codes never to repeat after, whatever else is listed. Default none. */
  readonly exceptCodes?: readonly string[];
  /** Whether to repeat after failures that have neither a listed code nor any status. Default false: they are bugs. */
  readonly unknown?: boolean;
  /**
   * `repeatable`: only calls that are idempotent or carry a key, and those whose error says that nothing was begun (which
   * is true of work that is one call, and of several steps only if the first failed so). `all`: every call; whoever says
   * so vouches that doing it twice does no harm. Default `repeatable`.
   */
  readonly calls?: 'repeatable' | 'all';
}

/** After which failures a call may be made once more, as it is used. */
export interface ResolvedRepeat {
  readonly codes: ReadonlySet<string>;
  readonly statuses: ReadonlySet<number>;
  readonly exceptCodes: ReadonlySet<string>;
  readonly unknown: boolean;
  /** Whether calls count as repeatable without being called so. */
  readonly anyCall: boolean;
  readonly shouldRepeat: RepeatCode['shouldRepeat'];
}

/** What JSON can't say about repeating. Predicates must neither throw nor wait. */
export interface RepeatCode {
  /**
   * Decides about a failure before the lists do; `undefined` leaves it to them. True still repeats only what is
   * repeatable, in time and paid by the budget.
   */
  readonly shouldRepeat?: ((failed: unknown, attempts: number) => boolean | undefined) | undefined;
}

/** Errors of connections that were never made: nobody has seen the call. */
export const NOT_SENT_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const DEFAULT_CODES: readonly string[] = [
  ...NOT_SENT_CODES,
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
];
const DEFAULT_STATUSES: readonly number[] = [408, 425, 429, 502, 503, 504];

/** The keys of `RepeatSpec`, for the sections that include it. */
export const REPEAT_KEYS = { codes: true, statuses: true, exceptCodes: true, unknown: true, calls: true } as const;

/** Reads the part of a section that `RepeatSpec` describes. */
export function resolveRepeat(fields: Fields<RepeatSpec>, code: RepeatCode): ResolvedRepeat {
  const codes = fields.list('codes', DEFAULT_CODES, codeIn, 'code');
  const exceptCodes = fields.list('exceptCodes', [], codeIn, 'code');
  const statuses = fields.list('statuses', DEFAULT_STATUSES, statusIn, 'status of a failure, 400 to 599');
  if (fields.has('codes')) {
    for (const each of codes) if (exceptCodes.includes(each)) contradiction(fields.at('exceptCodes'), each);
  }
  return {
    codes: new Set(codes),
    statuses: new Set(statuses),
    exceptCodes: new Set(exceptCodes),
    unknown: fields.flag('unknown', false),
    anyCall: fields.choice('calls', ['repeatable', 'all'], 'repeatable') === 'all',
    shouldRepeat: code.shouldRepeat,
  };
}

function contradiction(place: Problems, code: string): void {
  place.add(`${shown(code)} is also listed in codes; take it out of one of the two`);
}

function codeIn(written: unknown): string | undefined {
  return typeof written === 'string' && written !== '' ? written : undefined;
}

function statusIn(written: unknown): number | undefined {
  const status = Number.isSafeInteger(written) ? Number(written) : 0;
  return status >= 400 && status <= 599 ? status : undefined;
}
