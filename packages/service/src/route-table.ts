/** A route: a method and a path such as `/orders/{id}`, and what it leads to. */
export interface RouteEntry<Target> {
  readonly method: string;
  readonly path: string;
  readonly target: Target;
}

interface Pattern<Target> {
  readonly segments: readonly string[];
  readonly byMethod: Map<string, Target>;
}

/**
 * Finds routes by method and path. Words are compared as they are written, percent-encoding included; a `{member}` stands
 * for one segment that isn't empty. Of several paths that match, the one with a word where the other has a member wins,
 * from the left.
 */
export class RouteTable<Target> {
  readonly #words = new Map<string, Map<string, Target>>();
  /** Those with members, by their number of segments, the most particular first. */
  readonly #patterns = new Map<number, Pattern<Target>[]>();

  constructor(entries: readonly RouteEntry<Target>[]) {
    for (const { method, path, target } of entries) {
      const byMethod = path.includes('{') ? this.#patternOf(path).byMethod : getOr(this.#words, path, () => new Map());
      byMethod.set(method, target);
    }
    for (const patterns of this.#patterns.values()) {
      patterns.sort((a, b) => (rankOf(a.segments) < rankOf(b.segments) ? -1 : 1));
    }
  }

  /** What answers `method` on `path`, which has no query; HEAD is answered by GET. */
  find(method: string, path: string): Target | undefined {
    const asked = method === 'HEAD' ? 'GET' : method;
    const exact = this.#words.get(path)?.get(asked);
    if (exact !== undefined) return exact;
    for (const { byMethod } of this.#matching(path)) {
      const target = byMethod.get(asked);
      if (target !== undefined) return target;
    }
    return undefined;
  }

  /** Every target of `path` with its method. */
  *at(path: string): Iterable<readonly [method: string, target: Target]> {
    yield* this.#words.get(path) ?? [];
    for (const { byMethod } of this.#matching(path)) yield* byMethod;
  }

  *#matching(path: string): Iterable<Pattern<Target>> {
    if (this.#patterns.size === 0) return;
    const parts = path.split('/');
    for (const pattern of this.#patterns.get(parts.length) ?? []) if (isMatch(pattern.segments, parts)) yield pattern;
  }

  #patternOf(path: string): Pattern<Target> {
    const segments = path.split('/');
    const alike = getOr(this.#patterns, segments.length, () => []);
    const known = alike.find((pattern) => shapeOf(pattern.segments) === shapeOf(segments));
    if (known !== undefined) return known;
    const pattern = { segments, byMethod: new Map<string, Target>() };
    alike.push(pattern);
    return pattern;
  }
}

/**
 * The members of `path` by the names that `template`, which it matches, has for them.
 * @throws URIError when one is not properly percent-encoded
 */
export function membersOf(template: string, path: string): Readonly<Record<string, string>> {
  const parts = path.split('/');
  const named = template
    .split('/')
    .flatMap((segment, index) => (isMember(segment) ? [[segment.slice(1, -1), parts[index] ?? ''] as const] : []));
  return Object.fromEntries(named.map(([name, text]) => [name, decodeURIComponent(text)]));
}

/** A path's shape, whatever its members are called: two routes of one shape and method are one too many. */
export function pathShape(path: string): string {
  return shapeOf(path.split('/'));
}

function shapeOf(segments: readonly string[]): string {
  return segments.map((segment) => (isMember(segment) ? '{}' : segment)).join('/');
}

/** Sorts words before members, from the left. */
function rankOf(segments: readonly string[]): string {
  return segments.map((segment) => (isMember(segment) ? '1' : '0')).join('');
}

function isMatch(segments: readonly string[], parts: readonly string[]): boolean {
  return segments.every((segment, index) => (isMember(segment) ? parts[index] !== '' : segment === parts[index]));
}

function isMember(segment: string): boolean {
  return segment.startsWith('{');
}

function getOr<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
