import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the example that the README opens with does what its comments say', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  const body = example
    ?.replace("'@fairlead/contract'", JSON.stringify(new URL('./index.ts', import.meta.url).href))
    .replace("'zod'", JSON.stringify(import.meta.resolve('zod')));
  const source = `${body}\nexport { call, id, status };`;
  const module: unknown = await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(source.replace(' as const', ''))}`
  );
  expect(module).toMatchObject({ call: { path: '/orders/a%2Fb', body: undefined }, id: 'a/b', status: 'pending' });
});
