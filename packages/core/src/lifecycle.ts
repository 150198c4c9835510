import type { Clock } from './clock.ts';
import type { Closeable, CloseOptions } from './closeable.ts';
import type { Context, ScopedContext } from './context.ts';
import { CORE_ERRORS, FairleadError, thrower } from './errors.ts';
import { nearest } from './nearest.ts';

/** Something that runs from start to stop. */
export interface LifecyclePart {
  /** Unique; what others depend on and what errors tell. */
  readonly name: string;
  /** Names of the parts that must have started before this one, and stop after it. Default: none. */
  readonly dependsOn?: readonly string[] | undefined;
  /**
   * Resolves when the part is ready to be used. `ctx` ends with the start, early when another part fails; what runs on
   * takes a Context of its own. Default: nothing to do.
   */
  start?(ctx: Context): Promise<void> | void;
  /** Finishes work under way, for at most `graceMs`, and ends. Not called if `start` failed. Default: nothing to do. */
  stop?(options: { readonly graceMs: number }): Promise<void> | void;
}

/** Parts that start and stop in order. */
export interface Lifecycle extends Closeable {
  /**
   * Adds a part, before `start`.
   * @throws MISCONFIGURED when the name is taken, or the parts have been started
   */
  add(part: LifecyclePart): void;
  /**
   * Starts every part as soon as those that it depends on have started. When one fails, or `ctx` ends, what has been
   * started is stopped in reverse (for at most 5 s) and the failure comes out.
   * @throws MISCONFIGURED when parts depend on each other in a circle, or on one that doesn't exist
   */
  start(ctx: Context): Promise<void>;
  /**
   * Stops every part when those that depend on it have stopped, all within `graceMs` (default 5 000): a part that has
   * not stopped when the time is up is left behind, and the parts below it are told to stop with 0 ms. During a start,
   * ends the start first. Nothing started means nothing to do.
   * @throws CLOSE_FAILED naming each part that failed or was left behind; its cause is an AggregateError
   */
  close(options?: CloseOptions): Promise<void>;
}

const DEFAULT_GRACE_MS = 5000;
const fail = thrower(CORE_ERRORS);

/** An empty lifecycle. */
export function lifecycle(options: { readonly clock: Clock }): Lifecycle {
  const { clock } = options;
  const parts = new Map<string, LifecyclePart>();
  const started = new Set<LifecyclePart>();
  let starting: { readonly scope: ScopedContext; readonly done: Promise<void> } | undefined;
  let closing: Promise<void> | undefined;

  async function startAll(scope: ScopedContext): Promise<void> {
    const running = new Map<LifecyclePart, Promise<void>>();
    const startOne = (part: LifecyclePart): Promise<void> => {
      const known = running.get(part);
      if (known !== undefined) return known;
      const promise = (async () => {
        await Promise.all(dependenciesOf(part).map(startOne));
        scope.throwIfAborted();
        await part.start?.(scope);
        started.add(part);
      })();
      running.set(part, promise);
      promise.catch(() => scope.cancel(new Error(`${part.name} did not start`)));
      return promise;
    };
    const all = [...parts.values()].map(startOne);
    try {
      await Promise.all(all);
      scope.throwIfAborted();
    } catch (error) {
      await Promise.allSettled(all);
      // The failure of the start is the news; one of stopping what had started comes second.
      await stopAll(DEFAULT_GRACE_MS).catch(() => {});
      throw error;
    }
  }

  async function stopAll(graceMs: number): Promise<void> {
    const endsAtMs = clock.monotonic() + graceMs;
    const failures: { readonly name: string; readonly error: unknown }[] = [];
    const stopping = new Map<LifecyclePart, Promise<void>>();
    const stopOne = (part: LifecyclePart): Promise<void> => {
      const known = stopping.get(part);
      if (known !== undefined) return known;
      const promise = (async () => {
        await Promise.all(
          dependentsOf(part)
            .filter((other) => started.has(other))
            .map(stopOne),
        );
        const leftMs = Math.max(0, endsAtMs - clock.monotonic());
        await bounded(clock, leftMs, part.name, async () => part.stop?.({ graceMs: leftMs })).catch((error: unknown) =>
          failures.push({ name: part.name, error }),
        );
      })();
      stopping.set(part, promise);
      return promise;
    };
    await Promise.all([...started].map(stopOne));
    started.clear();
    if (failures.length > 0) {
      failures.sort((a, b) => (a.name < b.name ? -1 : 1));
      throw fail('CLOSE_FAILED', `These did not stop cleanly: ${failures.map(describe).join('; ')}.`, {
        details: { parts: failures.map(({ name }) => name) },
        cause: new AggregateError(failures.map(({ error }) => error)),
      });
    }
  }

  function dependenciesOf(part: LifecyclePart): LifecyclePart[] {
    return (part.dependsOn ?? []).flatMap((name) => parts.get(name) ?? []);
  }

  function dependentsOf(part: LifecyclePart): LifecyclePart[] {
    return [...parts.values()].filter((other) => other.dependsOn?.includes(part.name));
  }

  const self: Lifecycle = {
    add(part) {
      if (starting !== undefined || closing !== undefined) {
        throw fail('MISCONFIGURED', `${part.name} comes too late: the parts have been started. Add it before start().`);
      }
      if (parts.has(part.name)) {
        throw fail('MISCONFIGURED', `There are two parts named ${part.name}; rename one.`);
      }
      parts.set(part.name, part);
    },
    async start(ctx) {
      if (starting !== undefined || closing !== undefined) {
        throw fail('MISCONFIGURED', 'A lifecycle starts once; make a new one to start again.');
      }
      checkOrder(parts);
      const scope = ctx.withCancel();
      const done = startAll(scope).finally(() => scope[Symbol.dispose]());
      starting = { scope, done };
      await done;
    },
    close(closeOptions = {}) {
      closing ??= (async () => {
        starting?.scope.cancel(new Error('closed while starting'));
        await starting?.done.catch(() => {});
        await stopAll(closeOptions.graceMs ?? DEFAULT_GRACE_MS);
      })();
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}

/** Refuses dependencies that don't exist or go in a circle. */
function checkOrder(parts: ReadonlyMap<string, LifecyclePart>): void {
  const done = new Set<string>();
  const visit = (part: LifecyclePart, path: readonly string[]): void => {
    if (path.includes(part.name)) {
      const circle = [...path.slice(path.indexOf(part.name)), part.name].join(' → ');
      throw fail(
        'MISCONFIGURED',
        `Parts depend on each other in a circle: ${circle}. Remove one of these dependencies.`,
      );
    }
    if (done.has(part.name)) return;
    for (const name of part.dependsOn ?? []) {
      const dependency = parts.get(name);
      if (dependency === undefined) {
        const meant = nearest(name, parts.keys());
        const hint = meant === undefined ? 'Add it' : `Did you mean ${meant}`;
        throw fail('MISCONFIGURED', `${part.name} depends on ${name}, which does not exist. ${hint}?`);
      }
      visit(dependency, [...path, part.name]);
    }
    done.add(part.name);
  };
  for (const part of parts.values()) visit(part, []);
}

/** Waits for `work` at most `leftMs`; what comes of it later is nobody's business any more. */
function bounded(clock: Clock, leftMs: number, name: string, work: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(leftMs, () => {
      reject(new FairleadError('deadline', 'DEADLINE_EXCEEDED', `${name} did not stop in ${Math.round(leftMs)} ms`));
    });
    work()
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

function describe(failure: { readonly name: string; readonly error: unknown }): string {
  return `${failure.name} (${failure.error instanceof Error ? failure.error.message : String(failure.error)})`;
}
