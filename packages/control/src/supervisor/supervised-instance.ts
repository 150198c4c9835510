import type { Clock, Closeable, CloseOptions, Random } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { InstanceExit, InstanceKind, InstanceState, InstanceStatus } from '../running-platform.ts';
import type { Launch, Launched } from './launch.ts';
import { restartAfter, RESTART_DEFAULTS, type RestartPolicy } from './restart-policy.ts';

/** What an instance is and how it is kept up. */
export interface SupervisedOptions {
  readonly name: string;
  readonly kind: InstanceKind;
  readonly launch: Launch;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a run may take from launch to ready, in milliseconds; then it is ended and that counts as an exit. Default 20 000. */
  readonly readyTimeoutMs?: number;
  /** Default `RESTART_DEFAULTS`. */
  readonly restart?: RestartPolicy;
  /** The last lines that it wrote, oldest first. Default none. */
  readonly lastLines?: () => readonly string[];
  /** Told after each change. Must not throw. */
  readonly onChange?: (status: InstanceStatus) => void;
  /** Told of each end that nobody asked for. Must not throw. */
  readonly onExit?: (name: string, exit: InstanceExit) => void;
}

/** An instance that is kept up. */
export interface SupervisedInstance extends Closeable {
  readonly name: string;
  readonly kind: InstanceKind;
  status(): InstanceStatus;
  /**
   * Launches it; resolves once it is ready for the first time.
   * @throws INSTANCE_FAILED when it comes into a crash loop, or is closed, before that; in a crash loop it goes on trying
   */
  start(): Promise<void>;
  /**
   * Ends the current run within `graceMs` (default 5 000; 0: at once) and launches the next without delay, also out of a
   * crash loop. Resolves once the run has ended; it does not count as an end that nobody asked for. Nothing happens to one
   * that is being launched, or that was not started or is closed.
   */
  restart(options?: CloseOptions): Promise<void>;
  /** Tells the current run something; nothing happens while there is none. */
  send(message: object): void;
}

type Attempt =
  | { readonly kind: 'running'; readonly launched: Launched }
  | { readonly kind: 'failed'; readonly reason: string };

/** How an end reads to a person. */
function reasonOf(exit: { code: number | null; signal: string | null }, wasReady: boolean): string {
  const when = wasReady ? '' : ' before it was ready';
  if (exit.signal !== null) return `ended by ${exit.signal}${when}`;
  if (exit.code === 0) return `exited with code 0${when} though nobody asked it to`;
  return `exited with code ${exit.code}${when}`;
}

/**
 * Keeps one instance up: launches it, waits until it is ready, launches it again when it ends unasked. `close` asks the
 * current run to end within its grace and starts no other.
 */
export function superviseInstance(options: SupervisedOptions): SupervisedInstance {
  const { name, kind, clock, random } = options;
  const readyTimeoutMs = options.readyTimeoutMs ?? 20_000;
  const policy = options.restart ?? RESTART_DEFAULTS;
  const closing = new AbortController();
  let status: InstanceStatus = {
    name,
    kind,
    state: 'stopped',
    pid: undefined,
    url: undefined,
    restarts: 0,
    since: clock.now(),
    lastExit: undefined,
  };
  let current: Launched | undefined;
  let graceMs = 5_000;
  let loop: Promise<void> | undefined;
  /** Aborts the wait between two runs. */
  let waiting: AbortController | undefined;
  let restarting = false;
  const first = Promise.withResolvers<void>();
  // A caller that never asked must not find an unhandled rejection.
  first.promise.catch(() => undefined);

  function change(state: InstanceState, changes: Partial<InstanceStatus> = {}): void {
    status = { ...status, ...changes, state, since: clock.now() };
    options.onChange?.(status);
  }

  /** Races `ready` against the end and the time limit. */
  async function waitReady(launched: Launched): Promise<'ready' | 'ended' | 'late'> {
    const timer = new AbortController();
    try {
      return await Promise.race([
        launched.ready.then((url) => {
          if (!closing.signal.aborted) change('ready', { url });
          return 'ready' as const;
        }),
        launched.exited.then(() => 'ended' as const),
        clock.sleep(readyTimeoutMs, timer.signal).then(
          () => 'late' as const,
          () => 'ended' as const,
        ),
      ]);
    } finally {
      timer.abort();
    }
  }

  async function attempt(): Promise<Attempt> {
    try {
      return { kind: 'running', launched: await options.launch(status.url) };
    } catch (error) {
      return {
        kind: 'failed',
        reason: `could not be started: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
  }

  /** One run from launch to end; the end's reason. */
  async function runOnce(): Promise<{ exit: InstanceExit; readyForMs: number }> {
    const ended = (code: number | null, signal: string | null, reason: string, readyForMs: number) => ({
      exit: { code, signal, reason, at: clock.now(), lastLines: options.lastLines?.() ?? [] },
      readyForMs,
    });
    change('starting', { pid: undefined });
    const outcome = await attempt();
    if (outcome.kind === 'failed') return ended(null, null, outcome.reason, 0);
    const { launched } = outcome;
    current = launched;
    try {
      if (closing.signal.aborted) await launched.stop(graceMs);
      else change('starting', { pid: launched.pid });
      const came = await waitReady(launched);
      const readyAt = clock.monotonic();
      if (came === 'late') {
        await launched.stop(0);
        return ended(null, null, `did not say that it is ready within ${readyTimeoutMs} ms`, 0);
      }
      if (came === 'ready') first.resolve();
      const exit = await launched.exited;
      const ready = came === 'ready';
      return ended(exit.code, exit.signal, reasonOf(exit, ready), ready ? clock.monotonic() - readyAt : 0);
    } finally {
      current = undefined;
    }
  }

  async function keepUp(): Promise<void> {
    let quickExits = 0;
    while (!closing.signal.aborted) {
      const { exit, readyForMs } = await runOnce();
      if (closing.signal.aborted) break;
      if (restarting) {
        restarting = false;
        quickExits = 0;
        continue;
      }
      const decision = restartAfter({ quickExits, readyForMs }, policy, random);
      quickExits = decision.quickExits;
      change(decision.state, { pid: undefined, lastExit: exit });
      options.onExit?.(name, exit);
      if (decision.state === 'crash-loop') first.reject(failed(exit));
      waiting = new AbortController();
      const woken = AbortSignal.any([closing.signal, waiting.signal]);
      await clock.sleep(decision.delayMs, woken).catch(() => undefined);
      if (waiting.signal.aborted) quickExits = 0;
      waiting = undefined;
      status = { ...status, restarts: status.restarts + 1 };
    }
    change('stopped', { pid: undefined });
    first.reject(fail('INSTANCE_FAILED', `${name} was stopped before it was ready.`));
  }

  function failed(exit: InstanceExit): Error {
    const said =
      exit.lastLines.length === 0
        ? 'It wrote nothing.'
        : `Its last lines:\n${exit.lastLines.map((line) => `  ${line}`).join('\n')}`;
    return fail('INSTANCE_FAILED', `${name} keeps ending: it ${exit.reason}. ${said}`, { details: { instance: name } });
  }

  async function close(closeOptions?: CloseOptions): Promise<void> {
    const grace = closeOptions?.graceMs ?? 5_000;
    if (!closing.signal.aborted) {
      graceMs = grace;
      closing.abort();
      if (loop !== undefined && status.state !== 'stopped') change('stopping');
    }
    // Asked again with less grace, such as by a second Ctrl-C: the shorter one counts.
    await current?.stop(grace);
    await loop;
  }

  return {
    name,
    kind,
    status: () => status,
    start() {
      loop ??= keepUp();
      return first.promise;
    },
    async restart(restartOptions) {
      waiting?.abort();
      if (current === undefined || closing.signal.aborted) return;
      restarting = true;
      await current.stop(restartOptions?.graceMs ?? 5_000);
    },
    send: (message) => current?.send?.(message),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
