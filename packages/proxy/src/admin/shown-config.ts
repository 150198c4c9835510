import { redaction } from '@fairlead/telemetry';
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
  'listeners.*.tls.clients.authority',
  'listeners.*.tls.acme.directory',
  'listeners.*.tls.acme.contact.*',
  'listeners.*.tls.acme.names.*',
  'listeners.*.tls.acme.storage',
  'listeners.*.tls.acme.challenge',
  'listeners.*.tls.acme.authority',
  'listeners.*.tls.min',
  'listeners.*.tls.certificates.*.certificate',
  'listeners.*.tls.certificates.*.key',
  'listeners.*.tls.certificates.*.names.*',
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

/** Where filters stand. */
const FILTERS = ['filters', 'routes.*.filters'];

type Path = readonly string[];

const NOTHING: Rules = { open: [], filters: [] };

interface Rules {
  readonly open: readonly string[];
  /** Lists of filters, for which their kinds say what is open. */
  readonly filters: readonly string[];
}

/**
 * A configuration as it was written, with every text left out that nobody has said to be harmless: of filters, those that their kinds do not
 * list in `open`. Numbers and yes or no are shown.
 */
export function shownConfig(written: unknown, kinds: readonly FilterKind[]): ShownConfig {
  if (!isObject(written)) return { written: undefined, withheld: 0 };
  let withheld = 0;
  const whole = new Viewer(kinds, () => (withheld += 1)).shown(written, [], { open: OPEN, filters: FILTERS });
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Viewer {
  /** By the filter's type. */
  readonly #rules: ReadonlyMap<string, Rules>;
  readonly #onWithheld: () => void;

  constructor(kinds: readonly FilterKind[], onWithheld: () => void) {
    this.#rules = new Map(
      kinds.map(({ type, open = [], nested = [] }) => [type, { open: ['type', ...open], filters: nested }]),
    );
    this.#onWithheld = onWithheld;
  }

  /** `path` is where it stands within the whole, or within a filter; `open` and `filters` are paths of the same. */
  shown(value: unknown, path: Path, rules: Rules): Json {
    if (typeof value === 'string') return this.#text(value, path, rules.open);
    if (typeof value === 'number' || typeof value === 'boolean') return value;
    if (Array.isArray(value)) {
      const areFilters = isOpenText(path, rules.filters);
      return value.map((item: unknown, at) =>
        areFilters ? this.#filter(item) : this.shown(item, [...path, String(at)], rules),
      );
    }
    if (!isObject(value)) return null;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, this.shown(inner, [...path, name], rules)]),
    );
  }

  /** A filter as its kind allows; one of no known kind shows nothing. */
  #filter(value: unknown): Json {
    const rules = isObject(value) ? this.#rules.get(String(value['type'])) : undefined;
    return this.shown(value, [], rules ?? NOTHING);
  }

  #text(value: string, path: Path, open: readonly string[]): string {
    if (isOpenText(path, open)) return shapes.text(value);
    this.#onWithheld();
    return WITHHELD;
  }
}
