import {
  backoff,
  isError,
  type Clock,
  type Closeable,
  type CloseOptions,
  type Context,
  type Random,
  type ScopedContext,
} from '@fairlead/core';
import { logEpoch, logReader, loopContext, Wakeup, type Database, type LogReader } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import type { Broker } from './broker.ts';
import { fail } from './errors.ts';
import { relayInstruments, type RelayInstruments } from './instruments.ts';

/** How `startRelay` copies. */
export interface RelayOptions {
  /** Name of the service whose log it is. */
  readonly source: string;
  /** The service's database. Not closed by the relay. */
  readonly database: Database;
  /** Where events go. Not closed by the relay. */
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** How often the log is read without a `poke`, in milliseconds. Default 250; at least 1. */
  readonly pollMs?: number;
  /** Events copied at once. Default 500; at least 1. */
  readonly batchSize?: number;
}

/** A running relay. */
export interface Relay extends Closeable {
  readonly source: string;
  /** Says that the log may have something new: call it from `tx.afterCommit`. Never throws, never waits. */
  poke(): void;
  /**
   * Copies what the log holds now, bounded by `graceMs`, and ends. What is not copied by then is copied by the next
   * relay of this source: the log keeps it.
   */
  close(options?: CloseOptions): Promise<void>;
}

const DEFAULTS = { pollMs: 250, batchSize: 500 };
const DEFAULT_GRACE_MS = 5_000;
/** One read or one copy; a connection that hangs must not hold the relay for ever. */
const STEP_TIMEOUT_MS = 30_000;
const RETRY = { baseMs: 100, maxMs: 5_000 };

/**
 * Copies a service's log to the broker, in order, each event stored there once.
 *
 * It keeps no cursor of its own: where it goes on is what the broker says it holds, so a crash anywhere, a lost answer or
 * a broker restored from a backup is a repeat that changes nothing. Two relays of one source may run at the same time;
 * the broker skips what it has. Private and sealed events are passed over. The log's reader never passes over the gap of a writer that has not committed yet.
 *
 * While the log or the broker is away it tries again, with full jitter, at most 5 s apart.
 * @throws MISCONFIGURED when an option is out of range
 */
export function startRelay(options: RelayOptions): Relay {
  const pollMs = options.pollMs ?? DEFAULTS.pollMs;
  const batchSize = options.batchSize ?? DEFAULTS.batchSize;
  for (const [name, value] of Object.entries({ pollMs, batchSize })) {
    if (!Number.isInteger(value) || value < 1) {
      throw fail('MISCONFIGURED', `startRelay("${options.source}"): ${name} is ${value}; give a whole number from 1.`);
    }
  }
  return new LogRelay({ ...options, pollMs, batchSize });
}

class LogRelay implements Relay {
  readonly source: string;
  readonly #options: Required<RelayOptions>;
  readonly #reader: LogReader;
  readonly #instruments: RelayInstruments;
  readonly #wakeup = new Wakeup();
  /** Lives as long as the relay; every step is a child of it. */
  readonly #life: ScopedContext;
  readonly #ended: Promise<void>;
  /** What the broker holds, and how far this epoch of the log has been read: what is passed over is read once. */
  #known: { readonly published: bigint; readonly read: bigint; readonly epoch: string } | undefined;
  #closing = false;
  #closed: Promise<void> | undefined;

  constructor(options: Required<RelayOptions>) {
    this.source = options.source;
    this.#options = options;
    this.#reader = logReader(options.database);
    this.#instruments = relayInstruments(options.telemetry, options.source);
    this.#life = loopContext({ clock: options.clock, random: options.random });
    this.#ended = this.#run();
  }

  poke(): void {
    this.#wakeup.ring();
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#wakeup.ring();
    const abort = (): void => this.#life.cancel();
    const timer = graceMs > 0 ? this.#options.clock.setTimer(graceMs, abort) : undefined;
    if (timer === undefined) abort();
    await this.#ended;
    timer?.cancel();
    this.#life[Symbol.dispose]();
  }

  /** Never rejects. Ends after one last pass once closing, or at once when that fails or the grace time is over. */
  async #run(): Promise<void> {
    const { clock, random, telemetry, pollMs } = this.#options;
    const delays = backoff({ ...RETRY, random });
    let failures = 0;
    for (;;) {
      const last = this.#closing;
      try {
        await this.#copyAll();
        failures = 0;
      } catch (error) {
        if (this.#life.signal.aborted) return;
        if (isError(error, 'LOG_EPOCH_CHANGED')) this.#known = undefined;
        failures += 1;
        telemetry.log.warn(undefined, `Events of "${this.source}" can't be copied to the broker; trying again`, {
          error,
          failures,
        });
      }
      if (last || this.#life.signal.aborted) return;
      if (this.#closing) continue;
      // A poke doesn't shorten a backoff: a broker that is away is not asked more often because orders come in.
      if (failures > 0) await this.#pause(delays.delayFor(failures));
      else await this.#wakeup.sleep(clock, pollMs);
    }
  }

  /** Waits, or until it is closed. */
  async #pause(delayMs: number): Promise<void> {
    const until = this.#options.clock.monotonic() + delayMs;
    for (let leftMs = delayMs; leftMs > 0 && !this.#closing; leftMs = until - this.#options.clock.monotonic()) {
      await this.#wakeup.sleep(this.#options.clock, leftMs);
    }
  }

  async #copyAll(): Promise<void> {
    const { broker, batchSize } = this.#options;
    let published = await this.#step((ctx) => broker.published(ctx, this.source));
    const epoch = this.#known?.epoch ?? (await this.#step((ctx) => logEpoch(ctx, this.#options.database)));
    let after = published === this.#known?.published ? this.#known.read : published;
    for (;;) {
      const from = after;
      const logged = await this.#step((ctx) => this.#reader.read(ctx, { after: from, limit: batchSize, epoch }));
      const last = logged.at(-1);
      if (last === undefined) {
        this.#instruments.lag(0);
        return;
      }
      this.#instruments.lag(this.#options.clock.now() - (logged[0]?.time ?? last.time));
      // What is sealed stays in this database: elsewhere its tenant's keys would have no say over it.
      const open = logged.filter((event) => event.sealed === undefined && event.private === undefined);
      const events = open.map((event) => ({ ...event, source: this.source }));
      if (events.length > 0) await this.#step((ctx) => broker.publish(ctx, this.source, events));
      this.#instruments.published(events.length);
      after = last.position;
      published = events.at(-1)?.position ?? published;
      this.#known = { published, read: after, epoch };
    }
  }

  async #step<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    this.#life.throwIfAborted();
    using ctx = this.#life.withTimeout(STEP_TIMEOUT_MS);
    return await work(ctx);
  }
}
