// Commits of the log beside those of a plain table, on as many connections.

import { append, type Database, type NewEvent } from '@fairlead/store';
import type { Context } from '@fairlead/core';
import { ratesOf } from './rates.ts';

const PLAIN_TABLE = 'create table plain (id bigint generated always as identity primary key, data json not null)';
const INSERT_ONE = 'insert into plain (data) values ($1)';
const INSERT_MANY = 'insert into plain (data) select * from unnest($1::json[])';
const MANY = 100;

const order = { orderId: 'order-1', items: [{ sku: 'lamp', quantity: 2 }], totalCents: 5_800 };

/** Ours ÷ plain: commits of one event on 1 and 16 connections, and of a hundred on one. */
export async function appending(open: (maxConnections: number) => Promise<Database>, ctx: Context) {
  const first = await open(1);
  await first.query(ctx, PLAIN_TABLE);
  const one = await comparison(first, ctx, 1, 1);
  const many = await comparison(first, ctx, 1, MANY);
  const sixteen = await comparison(await open(16), ctx, 16, 1);
  return { 'append-1': one, 'append-16': sixteen, 'batch-append': many };
}

async function comparison(database: Database, ctx: Context, lanes: number, events: number): Promise<number> {
  const batch = Array.from({ length: events }, (): NewEvent => ({ type: 'order.placed', key: 'order-1', data: order }));
  const json = JSON.stringify(order);
  const rates = await ratesOf(
    {
      plain: () =>
        events === 1
          ? database.query(ctx, INSERT_ONE, [json])
          : database.query(ctx, INSERT_MANY, [Array.from({ length: events }, () => json)]),
      log: (lane) => database.tx(ctx, (tx) => append(tx, `order-${lane}`, 'any', batch)),
    },
    lanes,
  );
  return rates.log / rates.plain;
}
