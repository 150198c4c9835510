import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const guide = (name: string) => readFileSync(new URL(`../../../docs/guides/${name}.md`, import.meta.url), 'utf8');
const require = createRequire(import.meta.url);

/** Names that stand in code in the first column of the guide's tables. */
function namedIn(markdown: string): Set<string> {
  const cells = markdown.split('\n').flatMap((line) => (line.startsWith('| `') ? [line.split(' | ')[0] ?? ''] : []));
  return new Set(cells.flatMap((cell) => cell.match(/\w+/g) ?? []));
}

test('the guide from opossum has an answer for every option and method that opossum documents', () => {
  const source = readFileSync(require.resolve('opossum/lib/circuit.js'), 'utf8');
  const options = [...source.matchAll(/@param \{[^}]*\} options\.(\w+)/g)].map((match) => match[1]!);
  const methods = [
    'fire',
    'call',
    'fallback',
    'open',
    'close',
    'enable',
    'disable',
    'healthCheck',
    'shutdown',
    'toJSON',
  ];
  expect(options.length).toBeGreaterThan(25);
  const named = namedIn(guide('from-opossum'));
  expect([...options, ...methods].filter((name) => !named.has(name) && name !== 'stats')).toEqual([]);
});

test('the guide from cockatiel has an answer for everything that cockatiel exports as a function or breaker', async () => {
  const exported = Object.keys(await import('cockatiel'));
  const named = namedIn(guide('from-cockatiel'));
  // Types of errors and enumerations of states are named where they are used.
  const inner = [
    'BackoffAbortError',
    'CircuitState',
    'HydratingCircuitError',
    'TimeoutStrategy',
    'Event',
    'EventEmitter',
  ];
  const policies = exported.filter((name) => !/Policy$|^is|^Memory|^defer$/.test(name) && !inner.includes(name));
  expect(policies.length).toBeGreaterThan(15);
  expect(policies.filter((name) => !named.has(name))).toEqual([]);
});
