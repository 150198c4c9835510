import { redaction } from '@fairlead/telemetry';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { isOpenText } from '../snapshot/open-text.ts';

/** A value that JSON can carry. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A configuration without what may be secret. */
export interface ShownConfig {
  /** `undefined` when nothing was written. */
  readonly written: { [name: string]: Json } | undefined;
  /** How many texts are left out. */
  readonly withheld: number;
}

/** What stands where a text was. */
export const WITHHELD = '[withheld]';

/**
 * Texts of a configuration, beyond its filters, that are no secret, as `isOpenText` reads it. What is not named here, an option that comes
 * later for example, is withheld until somebody has thought of it.
 */
const OPEN: readonly string[] = [
  '$schema',
  'listeners.*.name',
  'listeners.*.address',
  'listeners.*.tls.certificate',
  'listeners.*.tls.key',
  'listeners.*.tls.clients',
  'listeners.*.tls.min',
  'listeners.*.tls.certificates.*.certificate',
  'listeners.*.tls.certificates.*.key',
  'listeners.*.trustedProxies.*',
  'listeners.*.limits.*',
  'routes.*.name',
  'routes.*.hosts.*',
  'routes.*.listeners.*',
  'routes.*.match.**',
  'routes.*.match.cookies.**',
  'routes.*.match.*.cookies.**',
  'routes.*.to',
  'routes.*.to.*.cluster',
  'routes.*.timeout',
  'routes.*.maxBody',
  'routes.*.policy.**',
  'clusters.*.endpoints.**',
  'clusters.*.dns',
  'clusters.*.protocol',
  'clusters.*.balancer',
  'clusters.*.health.**',
  'clusters.*.outliers.**',
  'clusters.*.slowStart.*',
  'clusters.*.panic',
  'clusters.*.zone',
  'clusters.*.limits.*',
  'clusters.*.pool.*',
  'clusters.*.policy.**',
  'policies.**',
];

/** What a URL has between its scheme and its host, and what else is secret by its shape. */
const shapes = redaction([], []);

type Path = readonly string[];

/**
 * A configuration as it was written, with every text left out that nobody has said to be harmless: of filters, those that their kinds do not
 * list in `open`. Numbers and yes or no are shown.
 * @param kinds default: the filters that there are
 */
export function shownConfig(written: unknown, kinds: readonly FilterKind[] = FILTER_KINDS): ShownConfig {
  if (!isObject(written)) return { written: undefined, withheld: 0 };
  let withheld = 0;
  const whole = new Viewer(kinds, () => (withheld += 1)).shown(written, [], OPEN, true);
  // `as`: what comes of an object is one.
  return { written: whole as { [name: string]: Json }, withheld };
}

/** Whether texts at a place of a configuration are no secret; the place as `SnapshotProblem.path` has it. Within filters they may be one. */
export function isOpenPlace(place: string): boolean {
  return isOpenText(
    place.split(/[.[\]]+/).filter((step) => step !== ''),
    OPEN,
  );
}

/** Whether a list of the whole holds filters. */
function isFilterList(path: Path): boolean {
  const [first, , third] = path;
  return path.length === 1 ? first === 'filters' : path.length === 3 && first === 'routes' && third === 'filters';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Viewer {
  readonly #kinds: ReadonlyMap<string, FilterKind>;
  readonly #onWithheld: () => void;

  constructor(kinds: readonly FilterKind[], onWithheld: () => void) {
    this.#kinds = new Map(kinds.map((kind) => [kind.type, kind]));
    this.#onWithheld = onWithheld;
  }

  /** `path` is where it stands, within the whole or within a filter, whose `open` then says what is shown. */
  shown(value: unknown, path: Path, open: readonly string[], isWhole: boolean): Json {
    if (typeof value === 'string') return this.#text(value, path, open);
    if (typeof value === 'number' || typeof value === 'boolean') return value;
    if (Array.isArray(value)) {
      const areFilters = isWhole && isFilterList(path);
      return value.map((item: unknown, at) =>
        areFilters ? this.filter(item) : this.shown(item, [...path, String(at)], open, isWhole),
      );
    }
    if (!isObject(value)) return null;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, this.shown(inner, [...path, name], open, isWhole)]),
    );
  }

  /** A filter as its kind allows; one of no known kind shows nothing but its type. */
  filter(value: unknown): Json {
    if (!isObject(value)) return this.shown(value, [], [], false);
    const kind = this.#kinds.get(String(value['type']));
    const { nested = [], open = [] } = kind ?? {};
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        if (name === 'type') return [name, kind === undefined ? this.#text(String(inner), [name], []) : String(inner)];
        if (nested.includes(name) && Array.isArray(inner)) return [name, inner.map((each) => this.filter(each))];
        return [name, this.shown(inner, [name], open, false)];
      }),
    );
  }

  #text(value: string, path: Path, open: readonly string[]): string {
    if (isOpenText(path, open)) return shapes.text(value);
    this.#onWithheld();
    return WITHHELD;
  }
}
