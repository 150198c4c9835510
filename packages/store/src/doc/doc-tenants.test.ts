import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';
import { docTenants } from './doc-tenants.ts';
import { docs } from './docs.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

describe.each(bothDatabases(clock))('whose documents there are, on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  test('is told for a namespace and for a key, nobody’s included, as long as they have not expired', async () => {
    const carts = docs('carts');
    const put = (tenant: string | undefined, key: string, expiresInMs?: number) =>
      database.tx(ctx.derive({ tenant }), (tx) =>
        carts.put(tx, key, {}, expiresInMs === undefined ? {} : { expiresInMs }),
      );
    await database.tx(ctx, (tx) => docs('others').put(tx, 'a', {}));
    expect(await docTenants({ ctx, database }, 'carts')).toEqual([]);
    await put('globex', 'a');
    await put('acme', 'a');
    await put('acme', 'b');
    await put(undefined, 'b');
    await put('initech', 'c', 0);
    expect(await docTenants({ ctx, database }, 'carts')).toEqual([undefined, 'acme', 'globex', 'initech']);
    expect(await docTenants({ ctx, database }, 'carts', 'a')).toEqual(['acme', 'globex']);
    expect(await docTenants({ ctx, database }, 'carts', 'b')).toEqual([undefined, 'acme']);
    expect(await docTenants({ ctx, database }, 'carts', 'c')).toEqual([]);
  });
});
