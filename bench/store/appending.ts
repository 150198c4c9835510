// Commits of the log beside those of a plain INSERT of the same row, on as many connections.

import type { Context } from '@fairlead/core';
import { append, type Database, type NewEvent } from '@fairlead/store';
import { ratesOf } from './rates.ts';

/** The same columns and indexes. What a log does besides: it keeps versions of streams, and loses nothing for its readers. */
const PLAIN = `create table plain (like fairlead_log including all);
  alter table plain alter position add generated always as identity`;
const COLUMNS = 'stream, version, id, type, schema_version, key, data, time, traceparent, correlation_id, criticality';
const ONE = `insert into plain (${COLUMNS}) values ($1, $2, $3, $4, 1, $5, $6, fairlead.now(), $7, $8, 'default')`;
const MANY = `insert into plain (${COLUMNS}) select $1, e.version, e.id, $4, 1, $5, e.data, fairlead.now(), $7, $8, 'default'
  from unnest($2::bigint[], $3::text[], $6::json[]) as e (version, id, data)`;
const SMALL_TABLE = 'create table small (id bigint generated always as identity primary key, data json not null)';
const SMALL = 'insert into small (data) values ($1)';
const SMALL_MANY = 'insert into small (data) select * from unnest($1::json[])';
const ALONE = { autocommit: true } as const;

const BATCH = 100;
const order = { orderId: 'order-1', items: [{ sku: 'lamp', quantity: 2 }], totalCents: 5_800 };
const json = JSON.stringify(order);
const event: NewEvent = { type: 'order.placed', key: 'order-1', data: order };
const batch = Array.from({ length: BATCH }, () => event);
const batchJson = batch.map(() => json);

/**
 * Ours ÷ plain: commits of one event on 1 and 16 connections, and of a hundred on one. An append that belongs to no other
 * change is a statement by itself, as the INSERT is; `in-tx` is BEGIN, append, COMMIT beside it, and `small` the append beside
 * a table of a number and JSON, without what makes it an event.
 */
export async function appending(open: (maxConnections: number) => Promise<Database>, ctx: Context) {
  const single = await open(1);
  for (const text of [...PLAIN.split(';'), SMALL_TABLE]) await single.query(ctx, text);
  const sixteen = await open(16);
  const one = await ratesOf(works(single, ctx), 1);
  const many = await ratesOf(works(sixteen, ctx), 16);
  const hundred = await ratesOf(batches(single, ctx), 1);
  return {
    'append-1': one.log / one.plain,
    'append-1-in-tx': one.inTx / one.plain,
    'append-1-small': one.log / one.small,
    'append-16': many.log / many.plain,
    'append-16-in-tx': many.inTx / many.plain,
    'append-16-small': many.log / many.small,
    'batch-append': hundred.log / hundred.plain,
    'batch-append-small': hundred.log / hundred.small,
  };
}

let drawn = 0;
const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const plainRow = (lane: number): unknown[] => {
  drawn += 1;
  return [`order-${lane}`, drawn, `event-${drawn}`, 'order.placed', 'order-1', json, trace, 'correlation'];
};

function works(database: Database, ctx: Context) {
  return {
    plain: (lane: number) => database.query(ctx, ONE, plainRow(lane)),
    small: () => database.query(ctx, SMALL, [json]),
    inTx: (lane: number) => database.tx(ctx, (tx) => append(tx, `order-${lane}`, 'any', [event])),
    log: (lane: number) => database.tx(ctx, (tx) => append(tx, `order-${lane}`, 'any', [event]), ALONE),
  };
}

function batches(database: Database, ctx: Context) {
  const rows = (): unknown[] => {
    const versions = Array.from({ length: BATCH }, () => (drawn += 1));
    const ids = versions.map((version) => `event-${version}`);
    return ['order-0', versions, ids, 'order.placed', 'order-1', batchJson, trace, 'correlation'];
  };
  return {
    plain: () => database.query(ctx, MANY, rows()),
    small: () => database.query(ctx, SMALL_MANY, [batchJson]),
    log: () => database.tx(ctx, (tx) => append(tx, 'orders', 'any', batch), ALONE),
  };
}
