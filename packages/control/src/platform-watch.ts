import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Closeable } from '@fairlead/core';
import type { Groundwork } from './groundwork.ts';
import type { PlatformEvent } from './running-platform.ts';
import { watchSources } from './source-watch.ts';

/** What a process that is replaced may take to drain, in milliseconds. */
const RESTART_GRACE_MS = 2_000;

/** Keeps the processes of a platform at what their sources say. */
export interface PlatformWatch extends Closeable {
  /** A process has loaded these files, by absolute path. */
  loaded(name: string, files: readonly string[]): void;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Starts a process again when a file changes that it, or a run of it before, has loaded: it alone, and whoever else has
 * loaded the same file. A change in a service's folder of migrations migrates its database first; when that fails the
 * service stays as it is. The blueprint is read once: that it changed is only told. One change is dealt with after the
 * other.
 */
export function watchPlatform(
  ground: Groundwork,
  { onEvent }: { readonly onEvent?: (event: PlatformEvent) => void },
): PlatformWatch {
  const { model } = ground;
  const loadedBy = new Map<string, Set<string>>();
  const migrations = new Map<string, string>();
  const note = (text: string): void => onEvent?.({ event: 'note', text });
  const named = (path: string): string => relative(model.root, path);
  let working = Promise.resolve();
  let closed = false;

  async function migrated(folder: string): Promise<string | undefined> {
    const service = migrations.get(folder);
    if (service === undefined) return undefined;
    try {
      await ground.migrate(service);
      return service;
    } catch (error) {
      note(`${service} was not started again, its migrations failed: ${messageOf(error)}`);
      return undefined;
    }
  }

  async function follow(paths: readonly string[]): Promise<void> {
    if (closed) return;
    if (paths.includes(model.file))
      note(`${named(model.file)} changed. Stop the platform and start it again to take that over.`);
    const names = new Set(paths.flatMap((path) => [...(loadedBy.get(path) ?? [])]));
    for (const path of paths) {
      const service = await migrated(path);
      if (service !== undefined) names.add(service);
    }
    if (names.size === 0) return;
    const concerned = [...names].toSorted();
    note(`${paths.map(named).join(', ')} changed: starting ${concerned.join(', ')} again`);
    await Promise.all(concerned.map((name) => ground.restart(name, { graceMs: RESTART_GRACE_MS })));
  }

  const sources = watchSources({
    clock: ground.clock,
    onChange(paths) {
      working = working.then(() => follow(paths)).catch((error: unknown) => note(messageOf(error)));
    },
    onError: (folder, error) => note(`${named(folder)} can't be watched: ${messageOf(error)}`),
  });
  sources.add(model.file);
  for (const { name, migrations: url } of ground.services) {
    if (url === undefined) continue;
    const folder = fileURLToPath(url).replace(/\/$/, '');
    migrations.set(folder, name);
    sources.add(folder);
  }

  return {
    loaded(name, files) {
      for (const file of files) {
        loadedBy.set(file, (loadedBy.get(file) ?? new Set()).add(name));
        sources.add(file);
      }
    },
    async close() {
      closed = true;
      await sources.close();
      await working;
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}
