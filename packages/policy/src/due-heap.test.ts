import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueHeap } from './due-heap.ts';

test('gives what a sorted list would, whatever is added and removed', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'remove', 'take'),
    slot: fc.nat(15),
    dueMs: fc.nat(100),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const heap = new DueHeap(16);
      const model = new Map<number, number>();
      for (const { kind, slot, dueMs } of steps) {
        if (kind === 'add' && !heap.has(slot)) {
          heap.add(slot, dueMs);
          model.set(slot, dueMs);
        } else if (kind === 'remove' && heap.has(slot)) {
          heap.remove(slot);
          model.delete(slot);
        } else if (kind === 'take') {
          const taken = heap.takeDue(dueMs);
          const earliest = Math.min(...model.values());
          if (earliest > dueMs) expect(taken).toBe(-1);
          else expect(model.get(taken)).toBe(earliest);
          model.delete(taken);
        }
        for (let each = 0; each < 16; each++) expect(heap.has(each)).toBe(model.has(each));
      }
    }),
  );
});
