import { expect, test } from 'vitest';
import { realRandom } from './real-random.ts';

test('bytes have the asked length and never come twice, across many stocks and beyond one', () => {
  const random = realRandom();
  const seen = new Set<string>();
  for (let index = 0; index < 2_000; index += 1) {
    const bytes = random.bytes(8 + (index % 9));
    expect(bytes).toHaveLength(8 + (index % 9));
    seen.add(Buffer.from(bytes).toString('hex'));
  }
  expect(seen.size).toBe(2_000);
  expect(random.bytes(0)).toHaveLength(0);
  const large = random.bytes(10_000);
  expect(large).toHaveLength(10_000);
  expect(large.subarray(9_000).some((byte) => byte !== 0)).toBe(true);
});

test("what was given out is the receiver's own", () => {
  const random = realRandom();
  const first = random.bytes(8);
  const before = [...first];
  random.bytes(8).fill(0);
  expect([...first]).toEqual(before);
});
