import { expect, test } from 'vitest';
import { z } from 'zod';
import { get, running } from '../../engine/engine.fixture.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { answer, ask, origin } from './origin.fixture.ts';

test('answers to who asks by name are stored when the configuration says so, and for that one only', async () => {
  const identify: FilterKind<{ type: string }> = {
    type: 'identify',
    schema: z.object({ type: z.literal('identify') }),
    explain: () => 'believes what is said',
    make: () => ({
      type: 'identify',
      request(passage) {
        const tenant = passage.fields.get('x-tenant');
        passage.identity = { roles: [], scopes: [], claims: {}, ...(tenant === undefined ? {} : { tenant }) };
        return undefined;
      },
    }),
  };
  let count = 0;
  const server = await origin(() => answer(200, [], `answer ${(count += 1)}`));
  const spec = { type: 'cache', identified: true, defaultTtl: '1m' };
  const { client } = await running(
    {
      routes: [{ name: 'all', to: 'shop', filters: [{ type: 'identify' }, spec] }],
      clusters: { shop: { endpoints: [server.origin] } },
    },
    { kinds: [...FILTER_KINDS, identify] },
  );
  const bodies: string[] = [];
  for (const lines of [['x-tenant: a'], ['x-tenant: b'], ['x-tenant: a'], [], ['authorization: x'], []])
    bodies.push((await ask(client(), get('/a', ...lines))).body);
  expect(bodies).toEqual(['answer 1', 'answer 2', 'answer 1', 'answer 3', 'answer 4', 'answer 5']);
});
