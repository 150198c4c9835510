import { defineContract, operation } from '@fairlead/contract';
import { z } from 'zod';
import { expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import type { ServiceDefinition } from './definition.ts';
import { notesContract, notesService, weatherContract, weatherService } from './notes.fixture.ts';

const notes = notesService().definition;
// What a JavaScript user, or a cast, could pass.
const define = (definition: object) => () => defineService(definition as ServiceDefinition);

test('a definition is frozen', () => {
  expect(Object.isFrozen(weatherService)).toBe(true);
});

test.each([
  [
    'an unknown member',
    { ...weatherService, consumer: {} },
    /weather: defineService knows no "consumer"\. Did you mean "consumers"\?/,
  ],
  ['a missing handler', { ...weatherService, operations: {} }, /weather: operations\.today is not a function/],
  [
    'a handler too many',
    { ...weatherService, operations: { ...weatherService.operations, todax: async () => ({}) } },
    /operations\.todax: the contract has no such operation\. Did you mean "today"\?/,
  ],
  [
    'idempotency keys without a database',
    { contract: notesContract, operations: notes.operations },
    /addNote takes an Idempotency-Key, which needs a database/,
  ],
  [
    'a retention too short',
    { ...notes, idempotency: { retentionMs: 0 } },
    /idempotency\.retentionMs is 0; it is at least 1000/,
  ],
  [
    'consumers of what is not used',
    { ...notes, consumers: { wether: {} }, uses: { weather: weatherContract } },
    /"wether" is not in uses\. Did you mean "weather"\?/,
  ],
  [
    'an event that nobody publishes',
    { ...notes, uses: { self: notesContract }, consumers: { self: { 'note.add': async () => {} } } },
    /notes publishes no such event\. Did you mean "note\.added"\?/,
  ],
])('%s is refused', (_what, definition, message) => {
  expect(define(definition)).toThrow(message);
});

test('a path that every service answers itself is refused', () => {
  const contract = defineContract({
    name: 'x',
    version: '1.0.0',
    operations: { m: operation({ method: 'GET', path: '/metrics', output: z.object({}) }) },
  });
  expect(define({ contract, operations: { m: async () => ({}) } })).toThrow(/m has the path \/metrics/);
});
