/** What a `Cache-Control` says, of an answer or of a request. Unknown directives are passed over (RFC 9111, section 5.2). */
export interface Directives {
  readonly noStore: boolean;
  readonly mustUnderstand: boolean;
  readonly isPublic: boolean;
  /** Without a list of fields: nobody else may have it. */
  readonly isPrivate: boolean;
  /** Without a list of fields: not without asking. */
  readonly noCache: boolean;
  /** Fields, lower-case, that `private` or `no-cache` name: what is stored goes without them. */
  readonly withoutFields: readonly string[];
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly onlyIfCached: boolean;
  /** Seconds; 0 when they can't be read, or are said twice and differently; `undefined` when not said. */
  readonly maxAge: number | undefined;
  readonly sMaxAge: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly minFresh: number | undefined;
  /** `Infinity` for any. */
  readonly maxStale: number | undefined;
}

/** That nothing is said. */
export const NO_DIRECTIVES: Directives = {
  noStore: false,
  mustUnderstand: false,
  isPublic: false,
  isPrivate: false,
  noCache: false,
  withoutFields: [],
  mustRevalidate: false,
  proxyRevalidate: false,
  onlyIfCached: false,
  maxAge: undefined,
  sMaxAge: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  minFresh: undefined,
  maxStale: undefined,
};

/** More seconds than anybody means; what is beyond is this (RFC 9111, section 1.2.2). */
const MOST_SECONDS = 2 ** 31;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const DIRECTIVE = new RegExp(`[ \\t,]*(${TOKEN})(?:=(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN})))?[ \\t]*(?=,|$)`, 'y');
const UNREADABLE = /[^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*(?:,|$)/y;

/** A directive's name, lower-case, and what it was given; `undefined` without. */
type Told = readonly [name: string, value: string | undefined];

/** Reads a `Cache-Control` of one or several lines. What has no grammar ends at the next comma and says nothing. */
export function parseDirectives(text: string): Directives {
  const told: Told[] = [];
  for (let at = 0; at < text.length;) {
    DIRECTIVE.lastIndex = at;
    const found = DIRECTIVE.exec(text);
    if (found === null) {
      UNREADABLE.lastIndex = at;
      const passed = UNREADABLE.exec(text)?.[0].length ?? 0;
      at = passed === 0 ? text.length : at + passed;
      continue;
    }
    const [, name = '', quoted, token] = found;
    told.push([name.toLowerCase(), quoted === undefined ? token : quoted.replaceAll(/\\(.)/g, '$1')]);
    at = DIRECTIVE.lastIndex;
  }
  return directivesOf(told);
}

const KEY = /[a-z*][a-z0-9_.*-]*/y;
const BARE =
  /=(?:(-?\d{1,15})(?!\.|\d)|(-?\d{1,12}\.\d{1,3})|"(?:[ !#-[\]-~]|\\["\\])*"|([A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)|:[A-Za-z0-9+/=]*:|\?([01]))/y;
const PARAMETER = /;[ ]*[a-z*][a-z0-9_.*-]*/y;

/**
 * Reads a targeted field such as `CDN-Cache-Control` (RFC 9213): a dictionary of structured fields (RFC 8941). `undefined` when it
 * is none, is empty, or gives a number of seconds that is none, and then it is as if it were not there.
 */
export function parseTargeted(text: string): Directives | undefined {
  const told: Told[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  while (at < text.length) {
    const key = take(KEY)?.[0];
    if (key === undefined) return undefined;
    if (text[at] === '=') {
      const value = take(BARE);
      if (value === null) return undefined;
      const [, integer, , , truth] = value;
      if (SECONDS.has(key) && integer === undefined) return undefined;
      if (truth !== '0') told.push([key, integer]);
    } else told.push([key, undefined]);
    while (text[at] === ';') {
      if (take(PARAMETER) === null) return undefined;
      if (text[at] === '=' && take(BARE) === null) return undefined;
    }
    take(/[ \t]*/y);
    if (at === text.length) break;
    if (text[at] !== ',') return undefined;
    at += 1;
    take(/[ \t]*/y);
    // A comma promises another member.
    if (at === text.length) return undefined;
  }
  return told.length === 0 ? undefined : directivesOf(told);
}

const SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);

function directivesOf(told: readonly Told[]): Directives {
  const values = (name: string) => told.filter(([each]) => each === name).map(([, value]) => value);
  const has = (name: string) => told.some(([each]) => each === name);
  /** Said without a list: also beside a list, the stricter counts. */
  const isBare = (name: string) => values(name).some((value) => value === undefined || value.trim() === '');
  const fields = [...values('private'), ...values('no-cache')].flatMap((value) =>
    (value ?? '')
      .toLowerCase()
      .split(',')
      .map((field) => field.trim())
      .filter((field) => field !== ''),
  );
  const seconds = (name: string): number | undefined => {
    const [first, ...more] = values(name).map(secondsOf);
    // Said differently, it counts as said badly (RFC 9111, section 4.2.1).
    return more.some((each) => each !== first) ? 0 : first;
  };
  return {
    noStore: has('no-store'),
    mustUnderstand: has('must-understand'),
    isPublic: has('public'),
    isPrivate: isBare('private'),
    noCache: isBare('no-cache'),
    withoutFields: fields,
    mustRevalidate: has('must-revalidate'),
    proxyRevalidate: has('proxy-revalidate'),
    onlyIfCached: has('only-if-cached'),
    maxAge: seconds('max-age'),
    sMaxAge: seconds('s-maxage'),
    staleWhileRevalidate: seconds('stale-while-revalidate'),
    staleIfError: seconds('stale-if-error'),
    minFresh: seconds('min-fresh'),
    maxStale: isBare('max-stale') ? Infinity : seconds('max-stale'),
  };
}

function secondsOf(value: string | undefined): number {
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), MOST_SECONDS) : 0;
}
