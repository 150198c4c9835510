/** Migrations of the embedded broker's database: `migrate(ctx, broker, { set: 'broker', from: BROKER_MIGRATIONS })`. */
export const BROKER_MIGRATIONS: URL = new URL('../sql/broker/', import.meta.url);

/** Migrations of a consumer's database: `migrate(ctx, database, { set: 'messaging', from: MESSAGING_MIGRATIONS })`. */
export const MESSAGING_MIGRATIONS: URL = new URL('../sql/consumer/', import.meta.url);
