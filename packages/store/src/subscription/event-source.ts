import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import type { LoggedEvent } from '../log/log-types.ts';
import { logReader, type LogReader } from '../log/log-reader.ts';

/** A piece of the log: the events in it that concern the reader, and how far it reaches. */
export interface Piece {
  readonly events: readonly LoggedEvent[];
  /** Everything up to here was looked at; where the piece began when there was nothing. */
  readonly through: bigint;
  /** Whether there is probably more: it is as long as it was asked to be. */
  readonly full: boolean;
}

/** Reads the events of a log that concern one shard of a subscription, passing over the others. */
export class EventSource {
  readonly #reader: LogReader;
  readonly #concerns: (event: LoggedEvent) => boolean;
  readonly #limit: number;

  constructor(
    options: { readonly database: Database; readonly batchSize: number; readonly seal: PayloadSeal | undefined },
    concerns: (event: LoggedEvent) => boolean,
  ) {
    this.#reader = logReader(options.database, { seal: options.seal });
    this.#concerns = concerns;
    this.#limit = options.batchSize;
  }

  /** @throws as `LogReader.read` does */
  async next(ctx: Context, after: bigint, epoch: string): Promise<Piece> {
    const events = await this.#reader.read(ctx, { after, limit: this.#limit, epoch });
    return {
      events: events.filter(this.#concerns),
      through: events.at(-1)?.position ?? after,
      full: events.length === this.#limit,
    };
  }

  /** The event at a position; `undefined` when the log has none there. */
  async at(ctx: Context, position: bigint): Promise<LoggedEvent | undefined> {
    const [event] = await this.#reader.read(ctx, { after: position - 1n, limit: 1 });
    return event?.position === position ? event : undefined;
  }
}
