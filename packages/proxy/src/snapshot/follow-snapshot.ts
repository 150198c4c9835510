import type { Clock, Closeable, Timer } from '@fairlead/core';
import type { CompiledSnapshot } from './compiled-snapshot.ts';

/** What became of a configuration that may have changed. */
export type FollowEvent =
  /** Another one is at work. */
  | { readonly kind: 'taken'; readonly snapshot: CompiledSnapshot }
  /** It was written anew, and means what it meant. */
  | { readonly kind: 'same' }
  /** It can't be used: the last good one stays at work. */
  | { readonly kind: 'kept'; readonly error: unknown };

/** What is followed, and how. */
export interface FollowOptions {
  /** Hash of what is at work. */
  readonly hash: string;
  readonly clock: Clock;
  /** How the configuration looks from outside, such as size and time of its file: another text whenever it was written. */
  readonly look: () => Promise<string>;
  /** Reads it; rejects when it can't be used. */
  readonly load: () => Promise<CompiledSnapshot>;
  /** Puts it to work, or rejects and changes nothing. */
  readonly take: (snapshot: CompiledSnapshot) => Promise<void>;
  /** Told after each change. Must not throw. */
  readonly onEvent: (event: FollowEvent) => void;
  /** How often it is looked at, in milliseconds. Default 500. */
  readonly intervalMs?: number;
}

/** A configuration that is followed. */
export interface FollowedSnapshot extends Closeable {
  /** Loads it now, changed or not. Resolves when it is told what became of it. */
  reload(): Promise<void>;
}

/**
 * Follows a configuration: whenever it was written, and has then looked the same twice, it is loaded and put to work. It is
 * looked at by the clock instead of being watched, since a volume of Kubernetes changes by a link that leads elsewhere, and a
 * file system of a network tells nobody. One change is handled at a time.
 */
export async function followSnapshot(options: FollowOptions): Promise<FollowedSnapshot> {
  const { clock, look, load, take, onEvent, intervalMs = 500 } = options;
  let hash = options.hash;
  let handled = await look();
  let seen = handled;
  let working: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  let isClosed = false;

  async function handle(): Promise<void> {
    try {
      const snapshot = await load();
      if (snapshot.hash === hash) {
        onEvent({ kind: 'same' });
        return;
      }
      await take(snapshot);
      hash = snapshot.hash;
      onEvent({ kind: 'taken', snapshot });
    } catch (error) {
      onEvent({ kind: 'kept', error });
    }
  }

  async function glance(): Promise<void> {
    const now = await look();
    const hasSettled = now === seen;
    seen = now;
    if (now === handled || !hasSettled) return;
    handled = now;
    await handle();
  }

  /** After what is being done; looking that fails is no reason to stop looking. */
  function next(work: () => Promise<void>): Promise<void> {
    working = working.then(work).catch(() => undefined);
    return working;
  }

  function wait(): void {
    timer = clock.setTimer(intervalMs, () => {
      void next(glance).then(() => {
        if (!isClosed) wait();
      });
    });
  }
  wait();

  async function close(): Promise<void> {
    isClosed = true;
    timer?.cancel();
    await working;
  }
  return { reload: () => next(handle), close, [Symbol.asyncDispose]: close };
}
