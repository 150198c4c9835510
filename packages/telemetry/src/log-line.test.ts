import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineWriter } from './log-line.ts';
import { redaction } from './redaction.ts';

const SECRETS = ['s3cr3t"value', 'line\nbreak\\secret', 'plain-secret'];
const hidden = fc.constantFrom(
  ...SECRETS,
  'postgres://orders:hunter22@db/orders',
  'Bearer abcdefghijklmnop.qrst',
  'eyJhbGciOi.eyJzdWIi.sig',
);
const text = fc.oneof(
  fc.string(),
  fc.tuple(fc.string(), hidden, fc.string()).map((parts) => parts.join('')),
);
const value = fc.oneof(
  text,
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.record({ password: text, note: text }),
);
const name = fc.oneof(fc.constantFrom('password', 'apiKey', 'msg', 'note', 'a"b', 'status'), fc.string());

test('the quick way writes what the careful one would, and both are JSON', () => {
  const redact = redaction([], SECRETS);
  const quick = lineWriter(redact);
  // Suspects everything, so each value is copied and redacted by itself.
  const careful = lineWriter({ ...redact, mayHide: () => true });
  fc.assert(
    fc.property(fc.dictionary(name, value), text, (fields, message) => {
      const line = `{"level":"info"${quick.rest(fields, message)}}`;
      expect(line).toBe(`{"level":"info"${careful.rest(fields, message)}}`);
      const shown = JSON.stringify(JSON.parse(line));
      for (const secret of SECRETS) expect(shown).not.toContain(JSON.stringify(secret).slice(1, -1));
    }),
    { numRuns: 500 },
  );
});

test('fields that throw when they are read leave a word of it', () => {
  const fields = {
    get trap(): never {
      throw new Error('trap');
    },
  };
  expect(lineWriter(redaction([], [])).fields(fields)).toBe(',"fields":"[unreadable: trap]"');
});
