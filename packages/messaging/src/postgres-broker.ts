// broker-grants.ts   who may read and write what: rows compared by row-level security
// broker-row.ts      an event as a row of the broker's table
// broker.ts          the port; suite/ is what every adapter must pass
import type { Closeable, CloseOptions, Context } from '@fairlead/core';
import { Announcer, type Database } from '@fairlead/store';
import { EVENT_COLUMNS, INSERT_COLUMNS, fromRow, toRow, type BrokerRow } from './broker-row.ts';
import type { Broker, PublishedEvent } from './broker.ts';
import { fail } from './errors.ts';

/** How `postgresBroker` connects. */
export interface PostgresBrokerOptions {
  /**
   * The database `broker`, migrated with `BROKER_MIGRATIONS`, opened with the service's role, whose rights `brokerGrants`
   * has written. Not closed by the broker.
   */
  readonly database: Database;
}

/**
 * The embedded broker: a Postgres database that producers' relays copy into and consumers read from.
 *
 * A copy of a batch is one transaction under the source's row lock, so a source's events become visible in the order of
 * their positions, and a second relay of the same source changes nothing. Readers are told by NOTIFY after the commit, in
 * a statement of its own (within the transaction it would serialise all commits of the database), at most once in 5 ms.
 */
export function postgresBroker(options: PostgresBrokerOptions): Broker {
  return new PostgresBroker(options.database);
}

/** The channel that the embedded broker's news go over; the payload is the source. */
const CHANNEL = 'fairlead_event';

const MAY = (access: 'read' | 'write'): string =>
  `EXISTS (SELECT FROM fairlead_grant g WHERE g.source = $1 AND g.role = current_user AND g.access = '${access}')`;

class PostgresBroker implements Broker {
  readonly #database: Database;
  readonly #announcer: Announcer;
  readonly #watchers = new Set<{ readonly source: string; readonly onEvents: () => void }>();
  #listening: Promise<Closeable> | undefined;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
    this.#announcer = new Announcer({ tell: (ctx, text, params) => database.query(ctx, text, params) });
  }

  async published(ctx: Context, source: string): Promise<bigint> {
    const { rows } = await this.#database.query<{ published: string }>(
      ctx,
      `SELECT published::text AS published FROM fairlead_source WHERE source = $1 AND ${MAY('write')}`,
      [source],
    );
    const row = rows[0];
    if (row === undefined) throw this.#forbidden(source, 'write');
    return BigInt(row.published);
  }

  async publish(ctx: Context, source: string, events: readonly PublishedEvent[]): Promise<void> {
    const last = checkOrder(source, events);
    if (last === undefined) return;
    const news = await this.#database.tx(ctx, async (tx) => {
      const { rows } = await tx.query<{ published: string }>(
        `SELECT s.published::text AS published FROM fairlead_source s
         WHERE s.source = $1 AND ${MAY('write')} FOR NO KEY UPDATE OF s`,
        [source],
      );
      const row = rows[0];
      if (row === undefined) throw this.#forbidden(source, 'write');
      const published = BigInt(row.published);
      const fresh = events.filter((event) => event.position > published);
      if (fresh.length === 0) return false;
      await tx.query(INSERT_COLUMNS, [source, JSON.stringify(fresh.map(toRow))]);
      await tx.query('UPDATE fairlead_source SET published = $2::text::bigint WHERE source = $1', [
        source,
        last.toString(),
      ]);
      return true;
    });
    if (news) await this.#announcer.announce(ctx, CHANNEL, source);
  }

  async read(
    ctx: Context,
    source: string,
    options: { after: bigint; limit: number },
  ): Promise<readonly PublishedEvent[]> {
    const { rows } = await this.#database.query<BrokerRow & { allowed: boolean }>(
      ctx,
      `SELECT may.allowed, e.* FROM (SELECT ${MAY('read')} AS allowed) may
       LEFT JOIN LATERAL (
         SELECT ${EVENT_COLUMNS} FROM fairlead_event
         WHERE source = $1 AND position > $2::text::bigint ORDER BY position LIMIT $3::text::integer
       ) e ON may.allowed ORDER BY e.number`,
      [source, options.after.toString(), options.limit.toString()],
    );
    if (rows[0]?.allowed !== true) throw this.#forbidden(source, 'read');
    return rows.flatMap((row) => (row.position === null ? [] : [fromRow(source, row)]));
  }

  async watch(source: string, onEvents: () => void): Promise<Closeable> {
    if (this.#closed)
      throw fail('BROKER_CLOSED', `${this.#database.name}: the broker was closed; it can't be watched.`);
    const watcher = { source, onEvents };
    this.#watchers.add(watcher);
    const close = async (): Promise<void> => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) await this.#unlisten();
    };
    try {
      this.#listening ??= this.#database.listen(CHANNEL, (payload) => this.#told(payload));
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      this.#watchers.delete(watcher);
      throw error;
    }
    return { close, [Symbol.asyncDispose]: close };
  }

  async close(_options?: CloseOptions): Promise<void> {
    this.#closed = true;
    this.#watchers.clear();
    await Promise.all([this.#announcer.close(), this.#unlisten()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** An empty payload says that the connection is new: something may have been missed. */
  #told(payload: string): void {
    for (const watcher of this.#watchers) {
      if (payload === '' || payload === watcher.source) watcher.onEvents();
    }
  }

  async #unlisten(): Promise<void> {
    const listening = this.#listening;
    this.#listening = undefined;
    await (await listening?.catch(() => undefined))?.close();
  }

  #forbidden(source: string, access: 'read' | 'write'): Error {
    const how =
      access === 'write'
        ? `Only the service "${source}" itself writes its events`
        : `A service reads the events of those that it declares in "uses"`;
    return fail(
      'FORBIDDEN_SOURCE',
      `${this.#database.name}: the broker does not let these credentials ${access} "${source}". ${how}; ` +
        'if it should be so, declare it in the platform and provision again.',
      { details: { source, access } },
    );
  }
}

/** The last position, `undefined` for no events. */
function checkOrder(source: string, events: readonly PublishedEvent[]): bigint | undefined {
  let last: bigint | undefined;
  for (const event of events) {
    if (event.source !== source || (last !== undefined && event.position <= last)) {
      throw fail(
        'UNORDERED_EVENTS',
        `publish("${source}"): event ${event.id} of "${event.source}" at ${event.position} can't follow position ${last ?? 0n}; ` +
          'hand over events of one source in the order of its log.',
      );
    }
    last = event.position;
  }
  return last;
}
