// consumer-options.ts   options, the handler's and the consumer's interfaces
// subscription.ts       the consumption of one source, with a map of its parts
// dead-letters.ts       what was given up, for people to decide
// consumer-progress.ts  how far it is, whoever runs it
import { backoff, type CloseOptions, type Context, type ScopedContext } from '@fairlead/core';
import { acrossTenants, loopContext } from '@fairlead/store';
import type { Consumer, ConsumerOptions, ConsumerState } from './consumer-options.ts';
import { deadLetters, discard, redrive, type DeadLetter } from './dead-letters.ts';
import { fail } from './errors.ts';
import { consumerInstruments } from './instruments.ts';
import { Lanes } from './lanes.ts';
import { Subscription } from './subscription.ts';

const DEFAULTS = {
  accepts: (): boolean => true,
  concurrency: 8,
  maxAttempts: 10,
  backoff: { baseMs: 500, maxMs: 300_000 },
  handlerTimeoutMs: 30_000,
  batchSize: 100,
  window: 1_000,
  pollMs: 250,
};
const DEFAULT_GRACE_MS = 5_000;

/**
 * Consumes the events of some sources, each effectively once, those of one key (of one source) in order.
 *
 * What makes it so: position and marks are kept in the consumer's own database; the mark of an event commits with the
 * handler's effect, or with its parking; the cursor moves only behind what is settled. So a crash anywhere, a lost answer
 * or an outage is a redelivery, never a loss, and a redelivered event whose effect is there is passed over.
 *
 * One instance consumes at a time: each start takes its sources over with a new epoch, and an older instance can commit
 * nothing from then on (see `ConsumerState`).
 *
 * An event whose handler fails parks its key: it and all later ones of the key go aside, so that the others go on; it is
 * tried again with backoff, and is a dead letter after `maxAttempts`. Later events of its key wait until it succeeds, or
 * someone redrives or discards it. An attempt that ends because the consumer closes does not count.
 * @throws MISCONFIGURED when an option is out of range
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  return new SourcesConsumer(resolveOptions(options));
}

function resolveOptions(options: ConsumerOptions): Required<ConsumerOptions> {
  const resolved = { ...DEFAULTS, ...options };
  const { concurrency, maxAttempts, batchSize, window, pollMs, handlerTimeoutMs, name, sources } = resolved;
  for (const [option, value] of Object.entries({ concurrency, maxAttempts, batchSize, window, pollMs })) {
    if (!Number.isInteger(value) || value < 1) {
      throw fail('MISCONFIGURED', `startConsumer("${name}"): ${option} is ${value}; give a whole number from 1.`);
    }
  }
  if (!(handlerTimeoutMs >= 0 && handlerTimeoutMs < Infinity)) {
    throw fail(
      'MISCONFIGURED',
      `startConsumer("${name}"): handlerTimeoutMs is ${handlerTimeoutMs}; give milliseconds, 0 for no limit.`,
    );
  }
  if (new Set(sources).size !== sources.length) {
    throw fail('MISCONFIGURED', `startConsumer("${name}"): sources name one service twice: ${sources.join(', ')}.`);
  }
  return resolved;
}

class SourcesConsumer implements Consumer {
  readonly name: string;
  readonly #options: Required<ConsumerOptions>;
  readonly #life: ScopedContext;
  readonly #lanes: Lanes;
  readonly #subscriptions: readonly Subscription[];
  #state: ConsumerState = { kind: 'running' };
  #closed: Promise<void> | undefined;

  constructor(options: Required<ConsumerOptions>) {
    this.name = options.name;
    this.#options = options;
    this.#life = loopContext({ clock: options.clock, random: options.random });
    this.#lanes = new Lanes(options.concurrency);
    const settings = {
      ...options,
      consumer: options.name,
      ledger: acrossTenants(options.database),
      lanes: this.#lanes,
      life: this.#life,
      signal: this.#life.signal,
      attemptDelays: backoff({ ...options.backoff, random: options.random }),
      instruments: consumerInstruments(options.telemetry, options.name),
      onFenced: (source: string) => this.#fenced(source),
    };
    this.#subscriptions = options.sources.map((source) => new Subscription(settings, source));
  }

  state(): ConsumerState {
    return this.#state;
  }

  async deadLetters(ctx: Context): Promise<readonly DeadLetter[]> {
    return deadLetters(ctx, this.#options.database, { consumer: this.name });
  }

  async redrive(ctx: Context, id: string): Promise<boolean> {
    const found = await redrive(ctx, this.#options.database, id);
    for (const subscription of this.#subscriptions) subscription.pokeParked();
    return found;
  }

  async discard(ctx: Context, id: string): Promise<boolean> {
    const found = await discard(ctx, this.#options.database, id);
    for (const subscription of this.#subscriptions) subscription.pokeParked();
    return found;
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#state = { kind: 'closing' };
    await this.#stop(graceMs);
    this.#state = { kind: 'closed' };
  }

  async #stop(graceMs: number): Promise<void> {
    const abort = (): void => this.#life.cancel();
    const timer = graceMs > 0 ? this.#options.clock.setTimer(graceMs, abort) : undefined;
    if (timer === undefined) abort();
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
    timer?.cancel();
    this.#life[Symbol.dispose]();
  }

  #fenced(source: string): void {
    if (this.#state.kind !== 'running') return;
    this.#state = { kind: 'fenced', source };
    this.#options.telemetry.log.warn(
      undefined,
      'A newer instance of this consumer has taken over; this one stops and changes nothing more',
      { consumer: this.name, source },
    );
    void this.#stop(0);
  }
}
