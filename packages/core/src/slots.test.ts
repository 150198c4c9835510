import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

test('those that came and have not gone are there, whatever the order of coming and going', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40)), (steps) => {
      const slots = new Slots<{ readonly name: number }>();
      const model = new Map<number, { readonly item: { readonly name: number }; readonly slot: number }>();
      for (const [name, step] of steps.entries()) {
        const gone = [...model.keys()][step];
        if (gone === undefined) {
          const item = { name };
          const slot = slots.add(item);
          expect([...model.values()].map((each) => each.slot)).not.toContain(slot);
          model.set(name, { item, slot });
        } else {
          slots.remove(model.get(gone)!.slot);
          model.delete(gone);
        }
        expect(slots.size).toBe(model.size);
      }
      expect(new Set(slots)).toEqual(new Set([...model.values()].map(({ item }) => item)));
    }),
  );
});

test('the slots of those that have gone are taken again', () => {
  const slots = new Slots<object>();
  const [first, second] = [slots.add({}), slots.add({})];
  slots.remove(first);
  for (let round = 0; round < 10_000; round += 1) slots.remove(slots.add({}));
  expect(slots.add({})).toBe(first);
  expect(slots.add({})).toBe(second + 1);
});

test('who goes while they are looked at is not met', () => {
  const slots = new Slots<{ readonly name: string }>();
  slots.add({ name: 'first' });
  const second = slots.add({ name: 'second' });
  const met: string[] = [];
  for (const { name } of slots) {
    met.push(name);
    if (name === 'first') slots.remove(second);
  }
  expect(met).toEqual(['first']);
});
