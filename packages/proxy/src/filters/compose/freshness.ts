import type { Fields } from '@fairlead/net';

/** What caches may do with a whole (RFC 9111): its `Cache-Control`, and on what else it depends. */
export interface Freshness {
  readonly cacheControl: string;
  /** `undefined` for nothing. */
  readonly vary: string | undefined;
}

/** What the whole depends on besides its URL, as parts can't know it. */
export interface Dependence {
  /** Fields that go on to parts as they came. */
  readonly forwarded: ReadonlySet<string>;
  /** Fields that parts get and that are made here: of who asks, of another part, of anything. */
  readonly made: ReadonlySet<string>;
  /** Fields of the request that parts are asked by. */
  readonly askedBy: readonly string[];
  /** Whether parts are asked by who asks. */
  readonly isPersonal: boolean;
}

/**
 * What caches may do with an answer that is made of others: what all of these allow, and nothing that one of them doesn't say.
 * One that says nothing, or only `Expires`, is not kept, and so isn't the whole. What a part depends on and gets made here
 * can't be told by the request for the whole; fields that parts never get, or always the same, are nothing to depend on.
 */
export function strictest(parts: readonly Fields[], { forwarded, made, askedBy, isPersonal }: Dependence): Freshness {
  const directives = parts.map((fields) => directivesOf(fields.get('cache-control') ?? ''));
  const names = parts.flatMap((fields) => (fields.get('vary') ?? '').toLowerCase().split(','));
  const told = names.map((name) => name.trim());
  const isKept =
    parts.length > 0 &&
    !told.some((name) => name === '*' || made.has(name)) &&
    directives.every((each) => !each.has('no-store') && (each.has('no-cache') || lifeOf(each) !== undefined));
  if (!isKept) return NEVER_KEPT;
  const vary = [...new Set([...told.filter((name) => forwarded.has(name)), ...askedBy])].toSorted();
  const some = (name: string) => directives.some((each) => each.has(name));
  const lives = directives.map((each, index) => Math.max(0, (lifeOf(each) ?? 0) - ageOf(parts[index])));
  const whose =
    isPersonal || some('private') ? ['private'] : directives.every((each) => each.has('public')) ? ['public'] : [];
  const said = [
    ...whose,
    ...(some('no-cache') ? ['no-cache'] : [`max-age=${Math.min(...lives)}`]),
    ...['must-revalidate', 'proxy-revalidate', 'no-transform'].filter((name) => some(name)),
  ];
  return { cacheControl: said.join(', '), vary: vary.length === 0 ? undefined : vary.join(', ') };
}

/** What caches may do with an answer that is not whole. */
export const NEVER_KEPT: Freshness = { cacheControl: 'no-store', vary: undefined };

/** Directives by lower-case name; one without an argument has an empty one. A repeated one counts as it is written last. */
function directivesOf(field: string): ReadonlyMap<string, string> {
  // Commas within quotes part nothing.
  const items = field.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return new Map(
    items.map((item) => {
      const [name = '', argument = ''] = item.split('=', 2);
      return [name.trim().toLowerCase(), argument.trim().replace(/^"(.*)"$/s, '$1')];
    }),
  );
}

/** How long an answer is fresh for whoever keeps it, in seconds: the shorter of what is said. */
function lifeOf(directives: ReadonlyMap<string, string>): number | undefined {
  const lives = ['max-age', 's-maxage'].flatMap((name) => secondsOf(directives.get(name)));
  return lives.length === 0 ? undefined : Math.min(...lives);
}

function ageOf(fields: Fields | undefined): number {
  const text = fields?.get('age');
  if (text === undefined) return 0;
  return SECONDS.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

/** A time that can't be read is over already. */
function secondsOf(text: string | undefined): readonly number[] {
  if (text === undefined) return [];
  return [SECONDS.test(text) ? Number(text) : 0];
}

const SECONDS = /^\d{1,9}$/;
