import { createSecretKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { decrypt, encrypt } from './xaes.ts';

const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX');
const text = Buffer.from('XAES-256-GCM');

// The vectors of the specification: one for each value of the bit that doubling carries over.
test.each([
  [1, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
  [3, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
])('key %i encrypts to what the specification says', (byte, aad, expected) => {
  const key = createSecretKey(Buffer.alloc(32, byte));
  const sealed = encrypt(key, nonce, Buffer.from(aad), text);
  expect(sealed.toString('hex')).toBe(expected);
  expect(decrypt(key, nonce, Buffer.from(aad), sealed)).toEqual(text);
});

test('each changed bit of nonce, additional data or ciphertext is noticed', () => {
  const key = createSecretKey(Buffer.alloc(32, 7));
  const aad = Buffer.from('row 1');
  const sealed = encrypt(key, nonce, aad, text);
  for (const part of [nonce, aad, sealed]) {
    for (let bit = 0; bit < part.length * 8; bit += 1) {
      part[bit >> 3] = part[bit >> 3]! ^ (1 << (bit & 7));
      expect(decrypt(key, nonce, aad, sealed)).toBeUndefined();
      part[bit >> 3] = part[bit >> 3]! ^ (1 << (bit & 7));
    }
  }
  expect(decrypt(key, nonce, aad, sealed)).toEqual(text);
  for (let length = 0; length < sealed.length; length += 1)
    expect(decrypt(key, nonce, aad, sealed.subarray(0, length))).toBeUndefined();
  expect(decrypt(createSecretKey(Buffer.alloc(32, 8)), nonce, aad, sealed)).toBeUndefined();
  expect(decrypt(key, nonce.subarray(1), aad, sealed)).toBeUndefined();
});
