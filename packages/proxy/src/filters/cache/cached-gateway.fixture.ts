import { get, running } from '../../engine/engine.fixture.ts';
import { answer, ask, origin, type Asked } from './origin.fixture.ts';

/** A gateway with a cache in front of an origin that says what `handle` says. */
export async function cached(
  handle?: (asked: Asked) => string | undefined,
  options: object = {},
  before: readonly object[] = [],
) {
  const server = await origin(handle);
  const gateway = await running({
    routes: [{ name: 'all', to: 'shop', filters: [...before, { type: 'cache', ...options }] }],
    clusters: { shop: { endpoints: [server.origin] } },
  });
  const once = (text: string) => ask(gateway.client(), text);
  return { server, ...gateway, once, fetch: (path: string, ...lines: string[]) => once(get(path, ...lines)) };
}

export const FRESH = 'cache-control: max-age=60';
/** Answers that tell how many there have been. */
export const counting = (...lines: readonly string[]) => {
  let count = 0;
  return () => answer(200, lines, `answer ${(count += 1)}`);
};
export const status = (got: { readonly fields: ReadonlyMap<string, string> }) => got.fields.get('cache-status');
