import type { Database } from '@fairlead/store';
import type { Broker } from './broker.ts';

/** How `postgresBroker` connects. */
export interface PostgresBrokerOptions {
  /** The database `broker`, opened with the service's role. Not closed by the broker. */
  readonly database: Database;
}

/** The embedded broker: a Postgres database that producers' relays copy into and consumers read from. */
export function postgresBroker(options: PostgresBrokerOptions): Broker {
  throw new Error(`not yet: ${options.database.name}`);
}
