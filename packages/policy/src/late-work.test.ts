import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LateWork, type LateEntry } from './late-work.ts';

test('whatever order work settles in, the counts are those of a list', () => {
  const step = fc.record({ waitMs: fc.nat(8), settle: fc.option(fc.nat(5), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const late = new LateWork({ stuckAfterMs: 10, stuckLimit: 3 });
      const model: { entry: LateEntry; atMs: number }[] = [];
      let nowMs = 0;
      let settledStuck = 0;
      for (const { waitMs, settle } of steps) {
        nowMs += waitMs;
        if (settle === undefined) model.push({ entry: late.add(nowMs), atMs: nowMs });
        else if (model.length > 0) {
          const [gone] = model.splice(settle % model.length, 1);
          late.remove(gone!.entry, nowMs);
          if (nowMs - gone!.atMs >= 10) settledStuck++;
        }
        const stuck = model.filter((each) => nowMs - each.atMs >= 10).length;
        expect(late.inspect(nowMs)).toEqual({
          unsettled: model.length,
          stuck,
          tooMany: stuck >= 3,
          stuckTotal: settledStuck + stuck,
          oldestMs: model.length === 0 ? 0 : nowMs - model[0]!.atMs,
        });
      }
    }),
  );
});
