import type { Serializable } from 'node:child_process';
import cluster, { type Worker } from 'node:cluster';
import { backoff, type Clock, type Closeable, type Random } from '@fairlead/core';
import { fail } from '../errors.ts';

/** What a worker says to whoever has started it. */
export interface WorkerReady {
  readonly type: 'ready';
  readonly url: string;
}

/** Asks a worker to leave its addresses to those that have been started in its place, and to end. */
export const LEAVE = { type: 'leave' } as const;

/** Whether a message is `LEAVE`. */
export function isLeave(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === LEAVE.type;
}

/** A worker, for whoever has something to say to it. */
export interface WorkerLink {
  readonly pid: number | undefined;
  /** Sends it a message; one that has ended gets none. */
  send(message: object): void;
  /** Ends it at once; another takes its place. */
  kill(): void;
}

/** How workers are run. */
export interface WorkersOptions {
  /** Path of the module that each runs. It sends `WorkerReady`, ends on SIGTERM, and leaves on `LEAVE`. */
  readonly module: string;
  /** How many at a time; usually one a core. At least 1. */
  readonly count: number;
  /** Of the workers' processes, added to this one's. Default none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node for them. Default: this process's. */
  readonly execArgv?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** How long a worker that is asked to end may take, in milliseconds. Default 10 000. 0 kills it at once. */
  readonly graceMs?: number;
  /** Is told when a worker ends unasked; another takes its place. Default: nobody is. */
  readonly onCrash?: (worker: { readonly pid: number | undefined; readonly how: string }) => void;
  /** Is told when another one serves in the place of one that has ended unasked. Default: nobody is. */
  readonly onMended?: (worker: { readonly pid: number | undefined }) => void;
  /** Is told what a worker says, also before it is ready. Default: nobody is. */
  readonly onMessage?: (worker: WorkerLink, message: unknown) => void;
  /** Is told when a worker has ended, asked or not. Default: nobody is. */
  readonly onEnd?: (worker: WorkerLink) => void;
}

/** Processes that share their addresses. */
export interface Workers extends Closeable {
  /** Where they are reached. */
  readonly url: string;
  /** Those that serve now. */
  readonly pids: readonly number[];
  /**
   * Puts new processes in the place of all, one by one: the next one listens before the last one leaves, so no connection is
   * refused and no request fails.
   * @throws WORKER_FAILED when a new one doesn't get ready; the old ones then stay
   */
  restart(): Promise<void>;
  /** Kills all at once; nothing is served after it. */
  cut(): void;
}

const DEFAULT_GRACE_MS = 10_000;

/**
 * Runs several processes at the same addresses, which the kernel shares out. This process holds the addresses and does nothing else:
 * it must be the primary one of its `node:cluster`, and has one of these.
 * @throws WORKER_FAILED when one of the first doesn't get ready
 */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { module, count, env = {}, execArgv = process.execArgv, clock, random, graceMs = DEFAULT_GRACE_MS } = options;
  // Each accepts by itself: passing connections on would cost what a request does.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: module, execArgv: [...execArgv] });
  const serving = new Set<Worker>();
  const leaving = new Set<Worker>();
  const pause = backoff({ baseMs: 100, maxMs: 10_000, random });
  let crashes = 0;
  let url = '';
  let closing: Promise<void> | undefined;

  function start(): Promise<Worker> {
    const worker = cluster.fork(env);
    const link: WorkerLink = {
      pid: worker.process.pid,
      send(message) {
        // `as`: whatever JSON can carry. One that ends meanwhile is told of by its end.
        if (worker.isConnected()) worker.send(message as Serializable, () => undefined);
      },
      kill: () => void worker.process.kill('SIGKILL'),
    };
    // A message to one that has just ended.
    worker.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      worker.on('message', (message: unknown) => {
        options.onMessage?.(link, message);
        if (!isReady(message)) return;
        url = message.url;
        serving.add(worker);
        resolve(worker);
      });
      worker.once('exit', (code, signal) => {
        const how = signal ?? String(code);
        reject(
          fail(
            'WORKER_FAILED',
            `The worker ${worker.process.pid} ended with ${how} before it was ready; its lines say why.`,
          ),
        );
        leaving.delete(worker);
        options.onEnd?.(link);
        if (!serving.delete(worker) || closing !== undefined) return;
        options.onCrash?.({ pid: worker.process.pid, how });
        replace();
      });
    });
  }

  /** Another one for one that has ended unasked, later the more often that happens. */
  function replace(): void {
    crashes += 1;
    clock.setTimer(pause.delayFor(crashes), () => {
      if (closing !== undefined) return;
      start().then(
        ({ process: { pid } }) => {
          crashes = 0;
          options.onMended?.({ pid });
        },
        () => replace(),
      );
    });
  }

  async function end(worker: Worker, how: () => void): Promise<void> {
    serving.delete(worker);
    leaving.add(worker);
    if (worker.isDead()) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    how();
    const late = clock.setTimer(graceMs, () => worker.process.kill('SIGKILL'));
    await ended.finally(() => late.cancel());
  }

  async function restart(): Promise<void> {
    const before = [...serving];
    for (const old of before) {
      await start();
      // It ends in its own time; the next one needs not wait for that.
      void end(old, () => old.send(LEAVE));
    }
  }

  async function shutDown(): Promise<void> {
    await Promise.all([...serving, ...leaving].map((worker) => end(worker, () => worker.process.kill('SIGTERM'))));
  }

  const self: Workers = {
    get url() {
      return url;
    },
    get pids() {
      return [...serving].flatMap(({ process: { pid } }) => pid ?? []);
    },
    restart,
    cut() {
      closing ??= Promise.resolve();
      for (const { process } of [...serving, ...leaving]) process.kill('SIGKILL');
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
    [Symbol.asyncDispose]: () => self.close(),
  };
  try {
    await Promise.all(Array.from({ length: count }, start));
  } catch (error) {
    await self.close();
    throw error;
  }
  return self;
}

function isReady(message: unknown): message is WorkerReady {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}
