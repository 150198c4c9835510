import { expect, test } from 'vitest';
import { kongAtWork, type KongAnswer, type KongAsk } from './kong-at-work.fixture.ts';

/** A service with one route, /users, and these plugins. */
export const withPlugins = (plugins: string, rest = '') => `
_format_version: "3.0"
services:
  - name: users
    url: SERVICE
    routes:
      - { name: users, paths: [/users], strip_path: false }
    plugins:
${plugins
  .trim()
  .split('\n')
  .map((line) => `      ${line}`)
  .join('\n')}
${rest}
`;

/** Consumers with keys, passwords and groups. */
export const CONSUMERS = `
consumers:
  - username: ada
    custom_id: c-1
    id: 11111111-1111-4111-8111-111111111111
    keyauth_credentials: [{ key: ada-key }]
    basicauth_credentials: [{ username: ada, password: correct }]
    acls: [{ group: admin }, { group: staff }]
  - username: bob
    keyauth_credentials: [{ key: bob-key }]
  - username: guest
    acls: [{ group: guests }]
`;

/** What a plugin does, request by request. */
export interface PluginCase {
  readonly what: string;
  readonly plugins: string;
  readonly rest?: string;
  readonly lines?: readonly string[];
  readonly steps: readonly (readonly [ask: KongAsk | string, wanted: number | Wanted])[];
}

interface Wanted {
  readonly status: number;
  /** Fields of the answer; `undefined`: not there. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>;
  readonly body?: string | RegExp;
  /** What the service was asked; `undefined` members of its fields: not there. */
  readonly target?: string;
  readonly seen?: Readonly<Record<string, string | RegExp | undefined>>;
}

function check(answer: KongAnswer, wanted: number | Wanted): void {
  const { status, headers = {}, body, target, seen = {} } = typeof wanted === 'number' ? { status: wanted } : wanted;
  expect(answer.status).toBe(status);
  const fits = (found: string | undefined, one: string | RegExp | undefined) =>
    one instanceof RegExp ? expect(found).toMatch(one) : expect(found).toBe(one);
  for (const [name, value] of Object.entries(headers)) fits(answer.headers[name], value);
  for (const [name, value] of Object.entries(seen)) fits(answer.seen?.headers[name], value);
  if (body !== undefined) fits(answer.body, body);
  if (target !== undefined) expect(answer.seen?.target).toBe(target);
}

/** A test of each case. */
export function testPlugins(cases: readonly PluginCase[]): void {
  test.each(cases.map((each) => [each.what, each] as const))(
    '%s',
    async (_what, { plugins, rest = '', lines = [], steps }) => {
      const { ask } = await kongAtWork(withPlugins(plugins, rest), { lines });
      for (const [request, wanted] of steps)
        check(await ask(typeof request === 'string' ? { request } : request), wanted);
    },
  );
}
