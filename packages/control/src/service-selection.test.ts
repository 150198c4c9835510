import { join } from 'node:path';
import { loadPlatform } from '@fairlead/platform';
import { expect, test } from 'vitest';
import { selectionNotes, selectServices } from './service-selection.ts';

const shop = await loadPlatform(join(import.meta.dirname, '..', '..', '..', 'examples', 'shop', 'platform.ts'));
const names = (services: readonly { readonly name: string }[]): readonly string[] => services.map(({ name }) => name);

test('without names everything runs, and there is nothing to say', () => {
  for (const only of [undefined, []]) {
    const all = selectServices(shop, only);
    expect([names(all.services), all.absent, selectionNotes(all)]).toEqual([names(shop.services), [], []]);
  }
});

test('what a service calls runs too, directly or not; whose events it only hears does not, and is named', () => {
  const some = selectServices(shop, ['orders']);
  // orders calls catalog, which calls inventory; orders hears payments.
  expect(names(some.services)).toEqual(['catalog', 'inventory', 'orders']);
  expect(some.externals).toEqual([]);
  expect(some.absent).toEqual(['notifications', 'payments']);
  expect(some.unheard).toContainEqual({ service: 'orders', source: 'payments' });
  expect(selectionNotes(some).join('\n')).toMatch(/orders listens to events of payments/);
});

test('an external is started for who calls it', () => {
  expect(selectServices(shop, ['payments']).externals).toEqual(['billing']);
});

test('an unknown name is refused with the nearest', () => {
  expect(() => selectServices(shop, ['payment'])).toThrow(/no service "payment".*Did you mean "payments"/);
});
