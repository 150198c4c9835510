import { findOperation, defineContract, operation } from '@fairlead/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { membersOf, RouteTable } from './route-table.ts';

const entries = (...routes: string[]) =>
  routes.map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return { method, path, target: route };
  });

test('a word beats a member, from the left, and HEAD is GET', () => {
  const table = new RouteTable(
    entries('GET /a/{x}', 'GET /a/b', 'POST /a/{y}', 'GET /{x}/b/c', 'GET /a/{x}/c', 'GET /', 'DELETE /a/b'),
  );
  expect(table.find('GET', '/a/b')).toBe('GET /a/b');
  expect(table.find('HEAD', '/a/b')).toBe('GET /a/b');
  expect(table.find('POST', '/a/b')).toBe('POST /a/{y}');
  expect(table.find('GET', '/a/c')).toBe('GET /a/{x}');
  expect(table.find('GET', '/a/b/c')).toBe('GET /a/{x}/c');
  expect(table.find('GET', '/')).toBe('GET /');
  for (const path of ['/a/', '/a', '/a/b/', '//b', '/a/b/d', '', '/%61/b/d'])
    expect(table.find('GET', path)).toBeUndefined();
  expect([...table.at('/a/b')].map(([method]) => method)).toEqual(['GET', 'DELETE', 'GET', 'POST']);
});

test('members are decoded, and improper ones refused', () => {
  expect(membersOf('/a/{x}/{y}', '/a/S%C3%A3o%20Paulo/%2F')).toEqual({ x: 'São Paulo', y: '/' });
  expect(() => membersOf('/{x}', '/%zz')).toThrow(URIError);
});

test('it finds what the contract finds', () => {
  const paths = ['/a', '/b', '/a/b', '/a/{x}', '/{x}/b', '/{x}/{y}', '/a/{x}/c', '/a/b/c'];
  const segment = fc.constantFrom('a', 'b', 'c', '', 'd');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.constantFrom('GET', 'POST'), fc.constantFrom(...paths)), {
        selector: (route) => route.join(' '),
        minLength: 1,
      }),
      fc.constantFrom('GET', 'POST', 'PUT'),
      fc.array(segment, { minLength: 1, maxLength: 4 }),
      (routes, method, segments) => {
        const operations = Object.fromEntries(
          routes.map(([verb, path], index) => {
            const input = Object.fromEntries([...path.matchAll(/\{(\w)\}/g)].map((match) => [match[1], z.string()]));
            return [
              `op${index}`,
              operation({ method: verb as 'GET', path, input: z.object(input), output: z.object({}) }),
            ];
          }),
        );
        const contract = defineContract({ name: 'any', version: '1.0.0', operations });
        const table = new RouteTable(Object.values(contract.operations).map((one) => ({ ...one, target: one.name })));
        const path = `/${segments.join('/')}`;
        const match = findOperation(contract, method, path);
        expect(table.find(method, path)).toBe(match.kind === 'operation' ? match.operation.name : undefined);
        const allowed = match.kind === 'method-not-allowed' ? match.allow : [];
        if (match.kind !== 'operation')
          expect(new Set([...table.at(path)].map(([verb]) => verb))).toEqual(new Set(allowed));
      },
    ),
  );
});
