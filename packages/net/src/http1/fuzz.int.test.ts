import { METHODS } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ourRequests, ourResponse } from './differential.fixture.ts';
import { llhttpRequests, llhttpResponse, originForm } from './llhttp.fixture.ts';
import { requestBytes, responseBytes } from './message-grammar.fixture.ts';
import { pieces, stepsOf } from './reading.fixture.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * As many runs as there is time for (FAIRLEAD_FUZZ_MS each). A failure names its seed; FAIRLEAD_FUZZ_SEED repeats it. CI
 * always takes the same way, so that it judges a change and not its luck; everywhere else each run is another one.
 */
const seed = process.env['FAIRLEAD_FUZZ_SEED'] ?? (process.env['CI'] === undefined ? undefined : '9112');
const plenty = {
  numRuns: 1e9,
  interruptAfterTimeLimit: Number(process.env['FAIRLEAD_FUZZ_MS'] ?? 15_000),
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

/** Octets put anywhere, or taken away. */
const damage = fc.array(
  fc.tuple(
    fc.nat(),
    fc.constantFrom(0, 1, 2),
    fc.constantFrom('\n', '\r', '\r\n', ' ', '\t', '\0', ':', ';', '0', '"', '\xff'),
  ),
  { maxLength: 3 },
);
const damaged = (bytes: fc.Arbitrary<Buffer>) =>
  fc.tuple(bytes, damage).map(([whole, harms]) => {
    let text = whole.toString('latin1');
    for (const [where, taken, put] of harms) {
      const at = where % (text.length + 1);
      text = text.slice(0, at) + put + text.slice(at + taken);
    }
    return Buffer.from(text, 'latin1');
  });
const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });

test('whatever a client sends, wherever it is cut, is read the same or refused the same', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(requestBytes), lengths, async (bytes, cuts) => {
      const limits = { maxHeadBytes: 200, maxFields: 6 };
      const whole = stepsOf(new RequestReader(limits), [bytes], true);
      expect(stepsOf(new RequestReader(limits), pieces(bytes, cuts), true)).toEqual(whole);
    }),
    plenty,
  );
});

test('whatever a server sends, wherever it is cut, is read the same or refused the same', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(responseBytes), lengths, async (bytes, cuts) => {
      const whole = stepsOf(new ResponseReader(), [bytes], true);
      expect(stepsOf(new ResponseReader(), pieces(bytes, cuts), true)).toEqual(whole);
    }),
    plenty,
  );
});

test('llhttp takes what we take of damaged requests, and understands the same', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(requestBytes), async (bytes) => {
      const { seen, byteLength } = ourRequests(bytes);
      if (seen.length === 0 || !seen.every(({ start }) => METHODS.includes(start.split(' ', 1)[0] ?? ''))) return;
      const theirs = await llhttpRequests(bytes.subarray(0, byteLength));
      expect(theirs.map((one) => ({ ...one, start: originForm(one.start) }))).toEqual(seen);
    }),
    plenty,
  );
});

test('llhttp takes what we take of damaged responses, and understands the same', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(responseBytes), fc.constantFrom('GET', 'HEAD', 'POST'), async (bytes, method) => {
      const ours = ourResponse(bytes, method);
      if (ours !== undefined) expect(await llhttpResponse(bytes, method)).toEqual(ours);
    }),
    plenty,
  );
});
