import { realClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { tenantDatabases } from './tenant-databases.ts';
import { tenantDatabasesSuite } from './tenant-databases.fixture.ts';

const clock = realClock();

tenantDatabasesSuite('rows');
tenantDatabasesSuite('schemas');

test('values out of range are refused by name', () => {
  const options = { kind: 'databases', name: 'x', url: 'postgresql://a:b@c/d', migrations: [], clock } as const;
  for (const wrong of [
    { maxConnections: 1 },
    { connectionsPerTenant: 6 },
    { connectionsPerTenant: 0 },
    { knownForMs: -1 },
  ])
    expect(() => tenantDatabases({ ...options, ...wrong })).toThrow(new RegExp(`x: ${Object.keys(wrong)[0]!} is`));
});
