import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { get, running, type Wire } from '../../engine/engine.fixture.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { answer, ask, origin } from './origin.fixture.ts';

/** Who asks is believed here. */
const identify: FilterKind<{ type: string }> = {
  type: 'identify',
  schema: z.object({ type: z.literal('identify') }),
  identifies: true,
  explain: () => 'believes what is said',
  make: () => ({
    type: 'identify',
    request(passage) {
      const tenant = passage.fields.get('x-tenant');
      if (tenant !== undefined) passage.identity = { tenant, roles: [], scopes: [], claims: {} };
      return undefined;
    },
  }),
};

/** What answers of a path say, and for how long an old version may be given by that, in milliseconds. */
const PATHS: readonly { readonly says: string; readonly oldMs: number; readonly failedMs: number }[] = [
  { says: 'public, max-age=10', oldMs: 10_000, failedMs: 0 },
  { says: 'public, max-age=5, stale-while-revalidate=5', oldMs: 10_000, failedMs: 0 },
  { says: 'no-store', oldMs: 0, failedMs: 0 },
  { says: 'private, max-age=10', oldMs: 0, failedMs: 0 },
  { says: 'public, no-cache', oldMs: 0, failedMs: 0 },
  { says: 's-maxage=10, must-revalidate', oldMs: 10_000, failedMs: 0 },
  { says: 'public, max-age=3, stale-if-error=20', oldMs: 3_000, failedMs: 23_000 },
  // Not for those who say who they are.
  { says: 'max-age=10', oldMs: 10_000, failedMs: 0 },
];
const TENANTS = ['', 'acme', 'globex'];
const LANGUAGES = ['de', 'en'];

/** Versions of a path, each with when it began, the newest last. */
class Versions {
  readonly #began: number[] = [0];

  get current(): number {
    return this.#began.length - 1;
  }

  change(nowMs: number): void {
    this.#began.push(nowMs);
  }

  /** How long it has not been the current one, in milliseconds. */
  oldMs(version: number, nowMs: number): number {
    const next = this.#began[version + 1];
    return next === undefined ? 0 : nowMs - next;
  }
}

test.each([1, 2, 3, 4, 5, 6])(
  'an answer is never older than it may be, nor another’s, whoever asks meanwhile (%i)',
  async (seed) => {
    const random = seededRandom(`cache ${seed}`);
    const draw = (below: number) => Math.floor(random.next() * below);
    const paths = PATHS.map(() => new Versions());
    let isFailing = false;
    const server = await origin(({ method, target, fields }) => {
      const index = Number(target.slice(2));
      const versions = paths[index]!;
      const { says } = PATHS[index]!;
      const who = `${fields.get('x-tenant') ?? ''}|${fields.get('accept-language')}`;
      if (method === 'POST') return answer(200, ['cache-control: no-store']);
      if (isFailing) return answer(503, ['cache-control: no-store'], `failed|${target}|${who}|0`);
      const tag = `"${who}|${versions.current}"`;
      const lines = [`cache-control: ${says}`, 'vary: accept-language', `etag: ${tag}`];
      if (fields.get('if-none-match') === tag) return answer(304, lines);
      return answer(200, lines, `ok|${target}|${who}|${versions.current}`);
    });
    const { client, clock, engine } = await running(
      {
        routes: [
          { name: 'all', to: 'shop', filters: [{ type: 'identify' }, { type: 'cache', store: { memory: '16KiB' } }] },
        ],
        clusters: { shop: { endpoints: [server.origin] } },
      },
      { kinds: [...FILTER_KINDS, identify] },
    );
    const clients: Wire[] = Array.from({ length: 5 }, client);

    const one = async (at: number): Promise<void> => {
      const index = draw(PATHS.length);
      const tenant = TENANTS[draw(TENANTS.length)]!;
      const language = LANGUAGES[draw(LANGUAGES.length)]!;
      const lines = [`accept-language: ${language}`, ...(tenant === '' ? [] : [`x-tenant: ${tenant}`])];
      if (draw(5) === 0)
        lines.push(['cache-control: no-cache', 'cache-control: max-age=2', 'if-none-match: "x"'][draw(3)]!);
      // Some go away and leave the others with what they have begun.
      if (draw(12) === 0) {
        clients[at]!.send(get(`/p${index}`, ...lines)).socket.destroy();
        clients[at] = client();
        return;
      }
      const { status, body } = await ask(clients[at]!, get(`/p${index}`, ...lines));
      const [outcome, path, gotTenant, gotLanguage, version] = body.split('|');
      const told = `seed ${seed}: ${lines.join(', ')} at ${index} got ${status} ${body}`;
      expect([path, gotTenant, gotLanguage], told).toEqual([`/p${index}`, tenant, language]);
      const { oldMs, failedMs } = PATHS[index]!;
      const mostMs = isFailing ? Math.max(oldMs, failedMs) : oldMs;
      const isOwn = tenant !== '' && index === 7;
      if (outcome === 'failed') expect(isFailing, told).toBe(true);
      else if (mostMs === 0 || isOwn) expect(Number(version), told).toBe(paths[index]!.current);
      else expect(paths[index]!.oldMs(Number(version), clock.monotonic()), told).toBeLessThan(mostMs);
    };

    for (let round = 0; round < 60; round += 1) {
      isFailing = draw(6) === 0;
      await Promise.all(clients.map((_each, at) => one(at)));
      const index = draw(PATHS.length);
      switch (draw(4)) {
        case 0:
          paths[index]!.change(clock.monotonic());
          break;
        case 1: {
          // What is changed through the gateway is changed for everybody at once.
          paths[index]!.change(clock.monotonic());
          const post = `POST /p${index} HTTP/1.1\r\nHost: shop.test\r\ncontent-length: 0\r\n\r\n`;
          await ask(clients[0]!, post);
          for (const [at, tenant] of TENANTS.entries()) {
            isFailing = false;
            const lines = ['accept-language: de', ...(tenant === '' ? [] : [`x-tenant: ${tenant}`])];
            const { body } = await ask(clients[at]!, get(`/p${index}`, ...lines));
            expect(body).toBe(`ok|/p${index}|${tenant}|de|${paths[index]!.current}`);
          }
          break;
        }
        default:
          await clock.advance(draw(4_000));
      }
    }
    const { hits, misses, validated, bytes } = engine.caches[0]!.report();
    // It has been a cache, too.
    for (const count of [hits, misses, validated]) expect(count).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(16 * 1024);
  },
);
