import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import type { Asked, Decision, LateFacts } from './decision.ts';
import { linearPattern, narrowed, type LinearPattern } from './linear-pattern.ts';
import { askEntry, byPrecedence, type MatchEntry } from './match-entry.ts';
import { matchingPath, parameterName } from './request-path.ts';
import { SegmentNode, SegmentScan } from './segment-node.ts';
import { askedOf, Spot } from './spot.ts';

const scan = new SegmentScan();

interface PatternEntry<Route extends CompiledRoute> {
  readonly pattern: LinearPattern;
  readonly entry: MatchEntry<Route>;
  /** All entries of the same expression. */
  readonly spot: Spot<Route>;
}

/**
 * The routes of one host by path. A whole path comes before a template, a template before an expression, an expression
 * before prefixes, of which the longest comes first. Of templates, the one whose first difference is a segment that stands
 * for itself comes first.
 */
export class PathTable<Route extends CompiledRoute> {
  readonly #paths = new SegmentNode<Asked<Route>>('');
  readonly #templates = new SegmentNode<Asked<Route>>('');
  /** Those whose first segment may be any. */
  readonly #patterns: readonly PatternEntry<Route>[];
  /** By a first segment that some begin with: these, and those whose first segment may be any. */
  readonly #patternsBelow: SegmentNode<readonly PatternEntry<Route>[]> | undefined;
  readonly #hasTemplates: boolean;

  /** @throws RangeError for an expression that isn't RE2's */
  constructor(entries: readonly MatchEntry<Route>[]) {
    const spots = Map.groupBy(entries, ({ path }) =>
      path.kind === 'regex' ? JSON.stringify(path) : `${path.kind} ${keyOf(path)}`,
    );
    const patterns: PatternEntry<Route>[] = [];
    for (const group of spots.values()) {
      const path = group[0]?.path;
      if (path?.kind === 'regex') {
        const spot = new Spot(group);
        const pattern = narrowed(linearPattern(path.pattern), path);
        for (const entry of group) patterns.push({ pattern, entry, spot });
      } else if (path !== undefined) this.#place(path, askedOf(group));
    }
    patterns.sort((a, b) => byPrecedence(a.entry, b.entry));
    this.#patterns = patterns.filter(({ pattern }) => firstSegment(pattern) === undefined);
    this.#patternsBelow = patternsBelow(patterns);
    this.#hasTemplates = entries.some((entry) => entry.path.kind === 'template');
    linkPrefixes(this.#paths, undefined);
  }

  #place(
    { kind, path }: { readonly kind: 'exact' | 'prefix' | 'template'; readonly path: string },
    asked: Asked<Route>,
  ) {
    const segments = matchingPath(path).slice(1).split('/');
    const hasSlash = segments.at(-1) === '';
    if (hasSlash) segments.pop();
    let node = kind === 'template' ? this.#templates : this.#paths;
    for (const segment of segments) {
      const isParameter = kind === 'template' && parameterName(segment) !== undefined;
      node = isParameter ? (node.parameter ??= new SegmentNode('')) : node.grow(segment);
    }
    if (kind === 'prefix') node.below = asked;
    else if (hasSlash) node.wholeWithSlash = asked;
    else node.whole = asked;
  }

  /** @param path as `matchingPath` has it */
  find(path: string, facts: PassageFacts, late: LateFacts | undefined): Decision<Route> | undefined {
    let node = this.#paths;
    let start = 1;
    let isWhole = true;
    while (start < path.length) {
      scan.scan(path, start);
      const child = node.child(path, start, scan.end, scan.hash);
      if (child === undefined) {
        isWhole = false;
        break;
      }
      node = child;
      start = scan.end + 1;
    }
    if (isWhole) {
      const decision = (path.endsWith('/') ? node.wholeWithSlash : node.whole)?.ask(facts, late);
      if (decision !== undefined) return decision;
    }
    if (this.#hasTemplates) {
      const decision = askTemplates(this.#templates, path, 1, facts, late);
      if (decision !== undefined) return decision;
    }
    let refusal: Decision<Route> | undefined;
    for (const { pattern, entry, spot } of this.#patternsFor(path)) {
      if (!path.startsWith(pattern.literal) || !pattern.matches(path)) continue;
      const decision = askEntry(entry, facts, late);
      if (decision !== undefined) return decision;
      refusal ??= spot.refusal(facts);
    }
    if (refusal !== undefined) return refusal;
    let prefix = node.below === undefined ? node.shorter : node;
    while (prefix !== undefined) {
      const decision = prefix.below?.ask(facts, late);
      if (decision !== undefined) return decision;
      prefix = prefix.shorter;
    }
    return undefined;
  }

  #patternsFor(path: string): readonly PatternEntry<Route>[] {
    if (this.#patternsBelow === undefined) return this.#patterns;
    scan.scan(path, 1);
    return this.#patternsBelow.child(path, 1, scan.end, scan.hash)?.whole ?? this.#patterns;
  }
}

/** The first segment of all that an expression matches; `undefined` when there may be several. */
function firstSegment({ literal }: LinearPattern): string | undefined {
  return /^\/([^/]+)\//.exec(literal)?.[1];
}

/** A tree of depth one: hosts with many expressions usually tell them apart by what they begin with. */
function patternsBelow<Route extends CompiledRoute>(
  patterns: readonly PatternEntry<Route>[],
): SegmentNode<readonly PatternEntry<Route>[]> | undefined {
  if (patterns.every(({ pattern }) => firstSegment(pattern) === undefined)) return undefined;
  const root = new SegmentNode<readonly PatternEntry<Route>[]>('');
  const general = patterns.filter(({ pattern }) => firstSegment(pattern) === undefined);
  for (const [segment, own] of Map.groupBy(patterns, ({ pattern }) => firstSegment(pattern))) {
    if (segment === undefined) continue;
    root.grow(segment).whole = [...own, ...general].toSorted((a, b) => byPrecedence(a.entry, b.entry));
  }
  return root;
}

/** Templates with other names for their parameters are the same path; so are a prefix with and without a slash. */
function keyOf({ kind, path }: { readonly kind: string; readonly path: string }): string {
  const matching = matchingPath(path);
  if (kind === 'template') {
    const segments = matching.split('/');
    return segments.map((segment) => (parameterName(segment) === undefined ? segment : ':')).join('/');
  }
  return kind === 'prefix' && matching.length > 1 && matching.endsWith('/') ? matching.slice(0, -1) : matching;
}

/** Each node of the tree is visited at most once: its place in the path is its depth. */
function askTemplates<Route extends CompiledRoute>(
  node: SegmentNode<Asked<Route>>,
  path: string,
  start: number,
  facts: PassageFacts,
  late: LateFacts | undefined,
): Decision<Route> | undefined {
  if (start >= path.length) return (path.endsWith('/') ? node.wholeWithSlash : node.whole)?.ask(facts, late);
  scan.scan(path, start);
  const { end } = scan;
  const child = node.child(path, start, end, scan.hash);
  if (child !== undefined) {
    const decision = askTemplates(child, path, end + 1, facts, late);
    if (decision !== undefined) return decision;
  }
  if (node.parameter === undefined || end === start) return undefined;
  return askTemplates(node.parameter, path, end + 1, facts, late);
}

function linkPrefixes<Value>(node: SegmentNode<Value>, shorter: SegmentNode<Value> | undefined): void {
  node.shorter = shorter;
  const next = node.below === undefined ? shorter : node;
  for (const child of node.children()) linkPrefixes(child, next);
}
