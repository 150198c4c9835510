import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueHeap, NOWHERE } from './due-heap.ts';

test('gives what a sorted list would, whatever is added and removed', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'remove', 'take'),
    which: fc.nat(15),
    dueMs: fc.nat(100),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const heap = new DueHeap();
      const entries = Array.from({ length: 16 }, () => ({ dueMs: 0, index: NOWHERE }));
      const model = new Set<{ readonly dueMs: number }>();
      for (const { kind, which, dueMs } of steps) {
        const entry = entries[which]!;
        const { first } = heap;
        if (kind === 'add' && !model.has(entry)) {
          entry.dueMs = dueMs;
          heap.add(entry);
          model.add(entry);
        } else if (kind === 'remove') {
          heap.remove(entry);
          model.delete(entry);
        } else if (kind === 'take' && first !== undefined) {
          heap.remove(first);
          model.delete(first);
        }
        expect(heap.first?.dueMs ?? Infinity).toBe(Math.min(...Array.from(model, (each) => each.dueMs)));
        expect(heap.size).toBe(model.size);
        for (const each of entries) expect(each.index !== NOWHERE).toBe(model.has(each));
      }
    }),
  );
});
