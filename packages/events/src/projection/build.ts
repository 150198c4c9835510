/** Which of the two sets of tables a build writes. */
export type Slot = 'a' | 'b';

/**
 * `building`: behind, and read only when there is nothing else of its version. `live`: read. `retired`: another build of its version has taken
 * its place, and it is kept up to date for those who have not heard. `dropping`: it goes, nobody writes it any more.
 */
export type BuildState = 'building' | 'live' | 'retired' | 'dropping';

/** A view as it is made once: of one version, from the log's beginning. */
export interface Build {
  /** Counts the builds of a view; never used again. */
  readonly number: number;
  readonly version: number;
  readonly slot: Slot;
  /** In how many parts its events are handled. */
  readonly shards: number;
  /** Its tables by the names that code has for them; empty for documents. */
  readonly tables: Readonly<Record<string, string>>;
  readonly state: BuildState;
  /** When it came into this state, in milliseconds since the epoch. */
  readonly since: number;
}

/** What a build is called: its subscription or consumer, and in status. `view` is `projection.<name>` or `replica.<name>`. */
export function buildName(view: string, { version, number }: Pick<Build, 'version' | 'number'>): string {
  return `${view}@${version}.${number}`;
}

/** The namespace of a build's documents. */
export function documentsOf(view: string, build: Pick<Build, 'version' | 'number'>): string {
  return `fairlead.view.${buildName(view, build)}`;
}

/** The namespace of what was done inline, by stream. */
export function marksOf(view: string, build: Pick<Build, 'version' | 'number'>): string {
  return `fairlead.inline.${buildName(view, build)}`;
}

/** The names of tables in a slot of a version. */
export function tableNames(names: readonly string[], version: number, slot: Slot): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, `${name}_v${version}${slot}`]));
}
