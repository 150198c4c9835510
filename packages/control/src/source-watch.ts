import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock, Closeable, Timer } from '@fairlead/core';

/** How files are watched. */
export interface SourceWatchOptions {
  readonly clock: Clock;
  /** How long nothing may happen in their folders until changes are told, in milliseconds. Default 100. */
  readonly settleMs?: number;
  /** Told files and folders that have changed since they were told last. Must not throw. */
  readonly onChange: (paths: readonly string[]) => void;
  /** Told that a folder can't be watched, such as for want of watches. Must not throw. */
  readonly onError: (folder: string, error: unknown) => void;
}

/** Files and folders under watch. */
export interface SourceWatch extends Closeable {
  /** Watches a file, or what lies directly in a folder. One that is watched already stays as it is. */
  add(path: string): void;
}

/** What a path looks like: differs after every save, also when a new file took the old one's place. */
function signature(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    const own = `${mtimeMs}/${size}/${ino}`;
    if (!statSync(path).isDirectory()) return own;
    return readdirSync(path)
      .map((name) => `${name}:${signature(join(path, name))}`)
      .join(' ');
  } catch {
    return 'gone';
  }
}

/**
 * Watches single files by their folders: editors save by putting a new file in the old one's place, which a watch of the
 * file itself would lose.
 */
export function watchSources(options: SourceWatchOptions): SourceWatch {
  const { clock, settleMs = 100 } = options;
  const known = new Map<string, string>();
  const watchers = new Map<string, FSWatcher>();
  let timer: Timer | undefined;
  let closed = false;

  function settle(): void {
    const changed = [...known].filter(([path, before]) => signature(path) !== before).map(([path]) => path);
    for (const path of changed) known.set(path, signature(path));
    if (changed.length > 0) options.onChange(changed);
  }

  function watchFolder(folder: string): void {
    if (watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        timer?.cancel();
        if (!closed) timer = clock.setTimer(settleMs, settle);
      });
      watcher.on('error', (error) => options.onError(folder, error));
      watchers.set(folder, watcher);
    } catch (error) {
      options.onError(folder, error);
    }
  }

  return {
    add(path) {
      if (closed || known.has(path)) return;
      known.set(path, signature(path));
      watchFolder(statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : dirname(path));
    },
    async close() {
      closed = true;
      timer?.cancel();
      for (const watcher of watchers.values()) watcher.close();
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}
