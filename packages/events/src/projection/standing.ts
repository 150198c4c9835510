import { tableNames, type Build, type Slot } from './build.ts';

/** Which builds of a view there are. A value; each change gives a new one. */
export interface Standing {
  /** The version that is read by code of this version and of later ones. */
  readonly active: number;
  /** The number of the next build. */
  readonly next: number;
  readonly builds: readonly Build[];
}

/** What a build is to be. */
export interface BuildPlan {
  readonly version: number;
  readonly shards: number;
  /** Names of tables, empty for documents. */
  readonly tables: readonly string[];
}

/** What becomes of a wish to rebuild. */
export type RebuildResult =
  | { readonly kind: 'begun'; readonly standing: Standing; readonly build: Build }
  /** A build of this version is under way already, or the one before has not been cleared away yet. */
  | { readonly kind: 'busy'; readonly build: Build };

/** Has a build of the version, if none is there: the first version is read at once, a later one when it has caught up. */
export function joined(standing: Standing | undefined, plan: BuildPlan, nowMs: number): Standing {
  const known = standing ?? { active: plan.version, next: 1, builds: [] };
  const own = known.builds.filter(({ version }) => version === plan.version);
  // One that goes has to be gone first.
  return own.length > 0 ? known : withBuild(known, plan, 'a', nowMs);
}

/** Begins a build beside the one that is read. */
export function rebuilt(standing: Standing, plan: BuildPlan, nowMs: number): RebuildResult {
  const own = standing.builds.filter(({ version }) => version === plan.version);
  const under = own.find(({ state }) => state !== 'live');
  if (under !== undefined) return { kind: 'busy', build: under };
  const slot = own.some((build) => build.slot === 'a') ? 'b' : 'a';
  const next = withBuild(standing, plan, slot, nowMs);
  // Just added.
  return { kind: 'begun', standing: next, build: next.builds.at(-1) as Build };
}

/** Has a build that has caught up take its place; the same when it has it already, or is gone. */
export function swapped(standing: Standing, number: number, nowMs: number): Standing {
  const build = standing.builds.find((each) => each.number === number);
  if (build?.state !== 'building') return standing;
  const builds = standing.builds.map((each): Build => {
    if (each.number === number) return { ...each, state: 'live', since: nowMs };
    if (each.version === build.version && each.state === 'live') return { ...each, state: 'retired', since: nowMs };
    return each;
  });
  return { ...standing, active: Math.max(standing.active, build.version), builds };
}

/** Gives up builds: nobody writes them any more. */
export function dropping(standing: Standing, numbers: ReadonlySet<number>, nowMs: number): Standing {
  const builds = standing.builds.map((each): Build => {
    return numbers.has(each.number) && each.state !== 'dropping' ? { ...each, state: 'dropping', since: nowMs } : each;
  });
  return { ...standing, builds };
}

/** Forgets builds that were cleared away. */
export function without(standing: Standing, number: number): Standing {
  return { ...standing, builds: standing.builds.filter((each) => each.number !== number) };
}

/** The build that code of a version reads: of its own version, or of an earlier one while its own is not ready. */
export function readBy(standing: Standing, version: number): Build | undefined {
  const of = Math.min(version, standing.active);
  const own = standing.builds.filter((build) => build.version === of);
  return own.find(({ state }) => state === 'live') ?? own.find(({ state }) => state === 'building');
}

function withBuild(standing: Standing, { version, shards, tables }: BuildPlan, slot: Slot, nowMs: number): Standing {
  const build: Build = {
    number: standing.next,
    version,
    slot,
    shards,
    tables: tableNames(tables, version, slot),
    state: 'building',
    since: nowMs,
  };
  return { ...standing, next: standing.next + 1, builds: [...standing.builds, build] };
}
