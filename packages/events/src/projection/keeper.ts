import {
  backoff,
  type Clock,
  type Closeable,
  type CloseOptions,
  type Context,
  type Random,
  type ScopedContext,
} from '@fairlead/core';
import {
  acrossTenants,
  loopContext,
  Wakeup,
  type Database,
  type EventOutcome,
  type StoreTelemetry,
} from '@fairlead/store';
import { fail } from '../errors.ts';
import { buildName, tableNames, type Build } from './build.ts';
import { emptyBuild } from './empty-build.ts';
import type { Feed, Progress } from './feed.ts';
import { changeStanding, markUsed, standingOf, usedVersions } from './standing-docs.ts';
import { dropping, joined, readBy, rebuilt, swapped, without, type BuildPlan, type Standing } from './standing.ts';
import type { Writing } from './write-events.ts';

/** A view of one version of code, whatever its events come from. */
export interface Kept extends BuildPlan {
  readonly kind: 'projection' | 'replica';
  readonly name: string;
  readonly writing: Writing;
  /** Begins to bring events to a build. */
  open(build: Build): Feed;
  /** Gives up what feeds of a build remember, whoever opened them. */
  forget(ctx: Context, build: Build): Promise<void>;
  /** What became of the event at a position or of an id; `unknown` when there is no such event. */
  outcome(ctx: Context, build: Build, event: bigint | string): Promise<EventOutcome | 'unknown'>;
  /** @throws VIEW_TRIMMED when the events are not there any more from the first on */
  requireBeginning(ctx: Context): Promise<void>;
  /** Kept up to date until a later version has taken its place; does not begin by itself. */
  readonly outgoing: boolean;
}

/** What keepers stand on. */
export interface KeeperGround {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: StoreTelemetry;
  /** How far a build may be behind when it takes its place. */
  readonly swapLagMs: number;
  /** How long a build is kept that was replaced by another of its version. */
  readonly retiredMs: number;
  /** How long a version is kept that is not read, after the last time that its code ran. */
  readonly unusedMs: number;
}

/** A build as people see it. */
export interface BuildStatus extends Omit<Build, 'tables'> {
  /** How it is getting on; only of those that this process writes. */
  readonly progress?: Progress;
}

const STEP_TIMEOUT_MS = 30_000;
const DEFAULT_GRACE_MS = 5_000;
const LOOK_EVERY_MS = 5_000;
/** How often a build that is behind is looked at. */
const BUILDING_MS = 250;
const RETRY = { baseMs: 100, maxMs: 5_000 };
const MAX_MARK_MS = 3_600_000;

/**
 * Keeps one view: sees to it that there is a build of its version and feeds it, has builds that have caught up take their place, and
 * clears away what nobody reads any more. As many processes as there are do so at once, of one version or several; what they
 * decide together is a document.
 */
export class Keeper implements Closeable {
  readonly kept: Kept;
  readonly #ground: KeeperGround;
  readonly #whole: Database;
  readonly #bell = new Wakeup();
  readonly #life: ScopedContext;
  readonly #feeds = new Map<number, Feed>();
  readonly #openedAt = new Map<number, number>();
  #standing: Standing | undefined;
  #markedAt = -Infinity;
  #stopping = false;
  #ended: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(ground: KeeperGround, kept: Kept) {
    this.#ground = ground;
    this.kept = kept;
    this.#whole = acrossTenants(ground.database);
    this.#life = loopContext(ground);
  }

  /** Which builds there are, as far as this process has heard. */
  get standing(): Standing | undefined {
    return this.#standing;
  }

  /** The build to read now. @throws VIEW_NOT_STARTED */
  get read(): Build {
    const build = this.#standing && readBy(this.#standing, this.kept.version);
    if (build !== undefined) return build;
    throw fail(
      'VIEW_NOT_STARTED',
      `${this.kept.writing.view}: nothing has been built yet. It can be read once the service has started.`,
    );
  }

  /** The number of that build; `undefined` before there is one. */
  get reading(): number | undefined {
    return this.#standing && readBy(this.#standing, this.kept.version)?.number;
  }

  /** Those that are written in the transaction which appends, when this view is inline: the ones that somebody may be reading. */
  get written(): readonly Build[] {
    const standing = this.#standing;
    if (standing === undefined || (this.kept.outgoing && !this.#isFed(standing))) return [];
    const read = readBy(standing, this.kept.version);
    return this.#own(standing).filter((build) => build.state === 'live' || build === read);
  }

  /**
   * Looks once, then again whenever something has changed, until closed.
   * @throws MISCONFIGURED when tables are missing
   */
  async start(): Promise<void> {
    await this.#requireTables();
    await this.#turn();
    this.#ended = this.#run();
  }

  /** Looks now. */
  readonly ring = (): void => this.#bell.ring();

  /** @throws VIEW_BUSY, VIEW_TRIMMED */
  async rebuild(ctx: Context): Promise<Build> {
    const { kept } = this;
    const { view } = kept.writing;
    await kept.requireBeginning(ctx);
    const nowMs = this.#ground.clock.now();
    const build = await this.#whole.tx(ctx, async (tx) => {
      let begun: Build | undefined;
      await changeStanding(tx, view, (standing) => {
        const result = rebuilt(joined(standing, kept, nowMs), kept, nowMs);
        if (result.kind === 'busy') throw busy(view, result.build);
        begun = result.build;
        return result.standing;
      });
      return begun;
    });
    this.ring();
    // The change above has set it, or thrown.
    return build as Build;
  }

  async status(ctx: Context): Promise<{ readonly active: number; readonly builds: readonly BuildStatus[] }> {
    const standing = await standingOf({ ctx, database: this.#whole }, this.kept.writing.view);
    const builds = (standing?.builds ?? []).map(async ({ tables: _tables, ...build }): Promise<BuildStatus> => {
      // What can't be said now, such as for want of the broker, is left out.
      const progress = await this.#feeds
        .get(build.number)
        ?.progress(ctx)
        .catch(() => undefined);
      return { ...build, ...(progress && { progress }) };
    });
    return { active: standing?.active ?? this.kept.version, builds: await Promise.all(builds) };
  }

  /** How the build that is read is getting on; `undefined` when another process writes it. */
  async progress(ctx: Context): Promise<Progress | undefined> {
    return this.#feeds.get(this.read.number)?.progress(ctx);
  }

  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    this.#stopping = true;
    this.ring();
    const { graceMs = DEFAULT_GRACE_MS } = options ?? {};
    const timer = this.#ground.clock.setTimer(graceMs, () => this.#life.cancel());
    await this.#ended;
    timer.cancel();
    await Promise.all([...this.#feeds.values()].map((feed) => feed.close(options)));
    this.#life[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const { clock, random, telemetry, retiredMs, unusedMs } = this.#ground;
    const delays = backoff({ ...RETRY, random });
    const usualMs = Math.min(LOOK_EVERY_MS, retiredMs, unusedMs / 4);
    let failures = 0;
    while (!this.#stopping) {
      const isBuilding =
        this.#standing !== undefined && this.#own(this.#standing).some(({ state }) => state === 'building');
      const restMs = failures > 0 ? delays.delayFor(failures) : isBuilding ? BUILDING_MS : usualMs;
      await this.#bell.sleep(clock, restMs);
      if (this.#stopping) break;
      try {
        await this.#turn();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!this.#stopping)
          telemetry.log.warn(undefined, 'A view can’t be looked after; trying again', {
            view: this.kept.writing.view,
            error,
          });
      }
    }
  }

  async #turn(): Promise<void> {
    const { kept } = this;
    const { view } = kept.writing;
    // Before there is a build, or somebody else takes it for nobody's.
    if (!kept.outgoing) await this.#markUsed();
    let standing = await this.#step((ctx) => standingOf({ ctx, database: this.#whole }, view));
    if (!kept.outgoing && !hasVersion(standing, kept.version))
      standing = await this.#change((known, nowMs) => joined(known, kept, nowMs));
    this.#standing = standing;
    if (standing === undefined) return;
    if (kept.outgoing && this.#isFed(standing)) await this.#markUsed();
    await this.#openFeeds(standing);
    await this.#swap(standing);
    await this.#tidy(standing);
  }

  /** Whether this code still has to write its version. */
  #isFed(standing: Standing): boolean {
    return !this.kept.outgoing || standing.active <= this.kept.version;
  }

  #own(standing: Standing): readonly Build[] {
    return standing.builds.filter(({ version, state }) => version === this.kept.version && state !== 'dropping');
  }

  async #markUsed(): Promise<void> {
    const { clock, unusedMs } = this.#ground;
    if (clock.monotonic() - this.#markedAt < Math.min(unusedMs / 4, MAX_MARK_MS)) return;
    await this.#step((ctx) =>
      this.#whole.tx(ctx, (tx) => markUsed(tx, this.kept.writing.view, this.kept.version, unusedMs)),
    );
    this.#markedAt = clock.monotonic();
  }

  async #openFeeds(standing: Standing): Promise<void> {
    const wanted = this.#isFed(standing) ? this.#own(standing) : [];
    for (const [number, feed] of this.#feeds) {
      if (wanted.some((build) => build.number === number)) continue;
      await feed.close();
      this.#feeds.delete(number);
      // One that is not there any more may have been begun anew by this very feed.
      if (!standing.builds.some((build) => build.number === number)) await this.#step((ctx) => feed.forget(ctx));
    }
    if (this.#stopping) return;
    for (const build of wanted) {
      if (this.#feeds.has(build.number)) continue;
      this.#feeds.set(build.number, this.kept.open(build));
      this.#openedAt.set(build.number, this.#ground.clock.monotonic());
    }
  }

  async #swap(standing: Standing): Promise<void> {
    const { clock, swapLagMs } = this.#ground;
    for (const { number, state } of this.#own(standing)) {
      const feed = this.#feeds.get(number);
      if (state !== 'building' || feed === undefined) continue;
      const { lagMs, parked, stopped } = await this.#step((ctx) => feed.progress(ctx));
      // What was there when this process began to look is written in any case, however young it is.
      const lookedForMs = clock.monotonic() - (this.#openedAt.get(number) ?? Infinity);
      if (stopped !== undefined || parked > 0 || lagMs > Math.min(swapLagMs, Math.max(0, lookedForMs))) continue;
      this.#standing = await this.#change((known, nowMs) => known && swapped(known, number, nowMs));
      this.ring();
    }
  }

  /** Gives up what nobody reads any more, and clears it away. */
  async #tidy(standing: Standing): Promise<void> {
    const { clock, retiredMs } = this.#ground;
    const others = [...new Set(standing.builds.map(({ version }) => version))].filter(
      (each) => each !== this.kept.version,
    );
    const used =
      others.length === 0
        ? new Set<number>()
        : await this.#step((ctx) => usedVersions({ ctx, database: this.#whole }, this.kept.writing.view, others));
    const unused = new Set(others.filter((version) => !used.has(version)));
    const isOver = (build: Build): boolean =>
      build.state === 'retired'
        ? clock.now() - build.since >= retiredMs
        : unused.has(build.version) && (build.version !== standing.active || this.#canStandIn(standing));
    const over = new Set(
      standing.builds.filter((build) => build.state !== 'dropping' && isOver(build)).map(({ number }) => number),
    );
    if (over.size > 0)
      this.#standing = await this.#change((known, nowMs) => known && this.#givenUp(known, over, nowMs));
    for (const build of this.#standing?.builds ?? []) {
      if (build.state !== 'dropping' || this.#stopping) continue;
      const feed = this.#feeds.get(build.number);
      await feed?.close();
      this.#feeds.delete(build.number);
      await this.#step((ctx) => this.kept.forget(ctx, build));
      await this.#step((ctx) => emptyBuild(ctx, this.#whole, this.kept.writing.view, build));
      this.#standing = await this.#change((known) => known && without(known, build.number));
      this.ring();
    }
  }

  /** Whether this version can be read in place of the active one, whose code nobody runs any more. */
  #canStandIn(standing: Standing): boolean {
    return this.#own(standing).some(({ state }) => state === 'live');
  }

  #givenUp(standing: Standing, numbers: ReadonlySet<number>, nowMs: number): Standing {
    const next = dropping(standing, numbers, nowMs);
    const isActiveLeft = next.builds.some(({ version, state }) => version === next.active && state !== 'dropping');
    return isActiveLeft || !this.#canStandIn(next) ? next : { ...next, active: this.kept.version };
  }

  async #change(
    change: (standing: Standing | undefined, nowMs: number) => Standing | undefined,
  ): Promise<Standing | undefined> {
    const nowMs = this.#ground.clock.now();
    return this.#step((ctx) =>
      this.#whole.tx(ctx, (tx) => changeStanding(tx, this.kept.writing.view, (known) => change(known, nowMs))),
    );
  }

  async #requireTables(): Promise<void> {
    const { tables, version, writing } = this.kept;
    if (this.kept.outgoing) return;
    const names = (['a', 'b'] as const).flatMap((slot) => Object.values(tableNames(tables, version, slot)));
    if (names.length === 0) return;
    const { rows } = await this.#step((ctx) =>
      this.#whole.query<{ name: string }>(
        ctx,
        'select name from unnest($1::text[]) as t (name) where to_regclass(name) is null',
        [names],
      ),
    );
    const missing = rows.map(({ name }) => name);
    if (missing.length === 0) return;
    throw fail(
      'MISCONFIGURED',
      `${writing.view}: version ${version} is written to the tables ${names.join(', ')}, of which ${missing.join(', ')} are not there. Make them, alike, in a migration of the service.`,
    );
  }

  async #step<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    const { clock, random } = this.#ground;
    using ctx = loopContext({ clock, random, signal: this.#life.signal, timeoutMs: STEP_TIMEOUT_MS });
    return await work(ctx);
  }
}

function hasVersion(standing: Standing | undefined, version: number): boolean {
  return standing?.builds.some((build) => build.version === version) ?? false;
}

function busy(view: string, build: Build): Error {
  const why =
    build.state === 'building'
      ? 'is being built already'
      : 'was replaced a moment ago and has not been cleared away yet; try again in a minute';
  return fail('VIEW_BUSY', `${buildName(view, build)} ${why}.`, { retryAfterMs: LOOK_EVERY_MS });
}
