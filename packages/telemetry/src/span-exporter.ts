import { backoff, FairleadError, isError, statusOf, thrower } from '@fairlead/core';
import type { Clock, Closeable, CloseOptions, Random, Timer } from '@fairlead/core';
import { TELEMETRY_ERRORS } from './errors.ts';
import { bytesOf, JsonBuffer, type Bytes } from './json-buffer.ts';
import type { OtlpSend } from './otlp-sender.ts';

/** How a batch is written. */
export interface BatchFormat<Item> {
  /** What stands before its items, and after them; commas stand between. */
  readonly before: string;
  readonly after: string;
  readonly write: (to: JsonBuffer, item: Item) => void;
}

/** How spans are delivered. */
export interface SpanExporterOptions<Item> {
  readonly clock: Clock;
  readonly random: Random;
  readonly format: BatchFormat<Item>;
  readonly send: OtlpSend;
  /** Lets go of what sending holds; called once, when closing has ended. Default: there is nothing. */
  readonly release?: (() => void) | undefined;
  /** Told when deliveries begin to fail, and of every loss. */
  readonly onFailure: (error: unknown) => void;
  /** Told when a delivery succeeds after a failure. */
  readonly onRecovery: () => void;
  readonly onExported: (spans: number) => void;
  readonly onDropped: (spans: number, reason: DropReason) => void;
}

/** Why spans were lost. */
export type DropReason = 'queue-full' | 'not-delivered' | 'closed';

const MAX_QUEUE = 4096;
const BATCH = 512;
const COMMA = bytesOf(',');
/** Room that a new batch begins with at most, in bytes. */
const MAX_SIZE_HINT = 1024 * 1024;
/** How long a span may wait for company. */
const LINGER_MS = 500;
const SEND_TIMEOUT_MS = 10_000;
const ATTEMPTS = 8;
const DEFAULT_GRACE_MS = 5000;

const fail = thrower(TELEMETRY_ERRORS);

/** Spans that will be sent together. */
class Batch {
  readonly json: JsonBuffer;
  count = 0;

  constructor(before: Bytes, sizeHint: number) {
    this.json = new JsonBuffer(sizeHint);
    this.json.raw(before);
  }
}

/**
 * Delivers spans in batches. A span is written into its batch when it is recorded, so that no batch is work for longer
 * than its sending. Holds at most 4 096; what comes beyond is dropped and counted, for tracing must never slow
 * down or fill up what it watches. A batch is sent when it is full or its first span has waited 500 ms, one batch at a
 * time. A failed delivery is repeated 7 times with backoff (up to 5 s), then the batch is dropped and counted. No timer
 * runs while there is nothing to deliver.
 */
export class SpanExporter<Item> implements Closeable {
  readonly #options: SpanExporterOptions<Item>;
  readonly #before: Bytes;
  readonly #after: Bytes;
  /** Oldest first; all but the last are full. */
  readonly #batches: Batch[] = [];
  /** Spans in them. */
  #held = 0;
  /** Bytes of the largest batch so far, up to a bound. */
  #sizeHint = 0;
  readonly #backoff;
  /** Aborts when closing begins: waiting is over, only delivering goes on. */
  readonly #hurry = new AbortController();
  /** Aborts when the time for closing is up. */
  readonly #giveUp = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #failing = false;

  constructor(options: SpanExporterOptions<Item>) {
    this.#options = options;
    this.#before = bytesOf(options.format.before);
    this.#after = bytesOf(options.format.after);
    this.#backoff = backoff({ baseMs: 200, maxMs: 5000, random: options.random });
  }

  record(span: Item): void {
    if (this.#closed !== undefined) return this.#options.onDropped(1, 'closed');
    if (this.#held >= MAX_QUEUE) return this.#options.onDropped(1, 'queue-full');
    const { json } = this.#place();
    this.#options.format.write(json, span);
    if (this.#running === undefined) this.#wait();
  }

  /** Delivers what is held, for at most `graceMs`; the rest is dropped and counted. Never rejects. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#finish(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #finish(graceMs: number): Promise<void> {
    const limit = this.#options.clock.setTimer(graceMs, () => this.#giveUp.abort());
    this.#hurry.abort();
    this.#start();
    await this.#running;
    limit.cancel();
    this.#options.release?.();
  }

  #start(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#held > 0) this.#wait();
    });
  }

  /** Starts a delivery when there is reason to; else what is held waits for company, or every few spans made a request. */
  #wait(): void {
    if (this.#isDue()) this.#start();
    else this.#timer ??= this.#options.clock.setTimer(LINGER_MS, () => this.#start());
  }

  #isDue(): boolean {
    return this.#held >= BATCH || (this.#hurry.signal.aborted && this.#held > 0);
  }

  /** The batch that the next span belongs to, with a place taken in it. */
  #place(): Batch {
    let batch = this.#batches.at(-1);
    if (batch === undefined || batch.count >= BATCH) {
      batch = new Batch(this.#before, this.#sizeHint);
      this.#batches.push(batch);
    } else {
      batch.json.raw(COMMA);
    }
    batch.count += 1;
    this.#held += 1;
    return batch;
  }

  async #run(): Promise<void> {
    do {
      const batch = this.#batches.shift();
      if (batch === undefined) return;
      const { json, count } = batch;
      this.#held -= count;
      json.raw(this.#after);
      this.#sizeHint = Math.min(Math.max(this.#sizeHint, json.length), MAX_SIZE_HINT);
      if (this.#giveUp.signal.aborted) this.#options.onDropped(count, 'closed');
      // One batch after the other: a collector that is slow is not helped by more at once.
      else await this.#deliver(json.written(), count);
    } while (this.#isDue());
  }

  async #deliver(body: Bytes, count: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#send(body);
        if (this.#failing) this.#options.onRecovery();
        this.#failing = false;
        return this.#options.onExported(count);
      } catch (error) {
        if (!this.#failing) this.#options.onFailure(error);
        this.#failing = true;
        // Once closing has begun there is no time for another try after one that began then.
        const isLast = attempt >= ATTEMPTS || this.#hurry.signal.aborted || !isWorthRepeating(error);
        if (isLast) return this.#options.onDropped(count, 'not-delivered');
      }
      await this.#options.clock.sleep(this.#backoff.delayFor(attempt), this.#hurry.signal).catch(() => {});
    }
  }

  /** Sends once, for at most 10 s, also when the sender ignores its signal. */
  async #send(body: Bytes): Promise<void> {
    const aborted = new AbortController();
    // Made when it is needed: an error writes down where it comes from, which takes longer than most deliveries.
    const tooLate = () =>
      aborted.abort(fail('EXPORT_FAILED', `The collector did not answer in ${SEND_TIMEOUT_MS} ms.`));
    const givenUp = () => aborted.abort(fail('EXPORT_FAILED', 'The time for delivering the last spans was up.'));
    const timer = this.#options.clock.setTimer(SEND_TIMEOUT_MS, tooLate);
    this.#giveUp.signal.addEventListener('abort', givenUp, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        aborted.signal.addEventListener('abort', () => reject(aborted.signal.reason), { once: true });
        this.#options.send(body, aborted.signal).then(resolve, reject);
      });
    } finally {
      timer.cancel();
      this.#giveUp.signal.removeEventListener('abort', givenUp);
    }
  }
}

function isWorthRepeating(error: unknown): boolean {
  if (!(error instanceof FairleadError) || isError(error, 'CANCELLED')) return true;
  return error.kind === 'exhausted' || statusOf(error.kind) >= 500;
}
