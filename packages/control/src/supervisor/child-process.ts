import { spawn, type ChildProcess } from 'node:child_process';
import type { Clock } from '@fairlead/core';
import type { Launched, LaunchExit } from './launch.ts';
import { lineSplitter } from './line-splitter.ts';

/** A Node program to run. */
export interface ChildOptions {
  /** Absolute path of the module to run. */
  readonly entry: string;
  /** Arguments of Node itself, before the module. Default none. */
  readonly nodeArgs?: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly cwd: string;
  readonly clock: Clock;
  /** Told of each line that it writes, to either stream. */
  readonly onLine: (line: string) => void;
  /** Told of each message other than `ready`. */
  readonly onMessage?: (message: unknown) => void;
}

/** `{ type: 'ready', url }`, or undefined for any other message. */
function readyUrl(message: unknown): { url: string | undefined } | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message) || message.type !== 'ready')
    return undefined;
  return { url: 'url' in message && typeof message.url === 'string' ? message.url : undefined };
}

/** Signals a whole process group; it may have ended already. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody is left to be told.
  }
}

/**
 * Runs a Node program in a process group of its own, with an IPC channel to this process. A terminal's Ctrl-C does not
 * reach it; the end of this process does, as the channel's `disconnect`. What it started and left behind in its group
 * ends with it.
 */
export async function launchChild(options: ChildOptions): Promise<Launched> {
  const { clock } = options;
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), options.entry], {
    cwd: options.cwd,
    env: { ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const ready = Promise.withResolvers<string | undefined>();
  child.on('message', (message) => {
    const said = readyUrl(message);
    if (said === undefined) options.onMessage?.(message);
    else ready.resolve(said.url);
  });
  const exited = exitOf(child, options.onLine);
  await spawned(child);
  // Set once spawned: Node says so in the documentation of the `spawn` event.
  const pid = child.pid as number;

  async function stop(graceMs: number): Promise<void> {
    const over = new AbortController();
    if (graceMs > 0) {
      child.kill('SIGTERM');
      const late = clock.sleep(graceMs, over.signal).then(
        () => signalGroup(pid, 'SIGKILL'),
        () => undefined,
      );
      await exited;
      over.abort();
      await late;
    } else {
      signalGroup(pid, 'SIGKILL');
      await exited;
    }
  }

  return {
    pid,
    ready: ready.promise,
    exited,
    stop,
    send(message) {
      if (child.connected) child.send(message, () => undefined);
    },
  };
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

/** Resolves when the process has ended and both its streams were read to their ends. */
function exitOf(child: ChildProcess, onLine: (line: string) => void): Promise<LaunchExit> {
  for (const stream of [child.stdout, child.stderr]) {
    const splitter = lineSplitter(onLine);
    stream?.on('data', (chunk: Buffer) => splitter.push(chunk));
    stream?.on('end', () => splitter.end());
  }
  // A later error is a signal or message that could not be delivered: the end, which is what matters, is told by `exit`.
  child.on('error', () => undefined);
  child.once('exit', () => {
    // Whoever it left in its group holds the pipes open, and would outlive the platform.
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}
