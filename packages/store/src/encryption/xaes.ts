import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

/** Length of a nonce, in bytes: so long that random ones never meet. */
export const NONCE_BYTES = 24;
/** Length of the tag at the end of what was encrypted, in bytes. */
export const TAG_BYTES = 16;

/**
 * XAES-256-GCM (C2SP): AES-256-GCM under a key that is derived from the first half of a 24-byte nonce, so that nonces may
 * be random for any number of messages. GCM's own 12 bytes would allow 2^32 messages a key, which nobody counts across
 * processes. The derivation is AES-CMAC over two counters (SP 800-108r1), two blocks of AES a message.
 * `key` has 32 bytes. Answers with ciphertext and tag.
 */
export function encrypt(key: KeyObject, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', messageKey(key, nonce), nonce.subarray(12), {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** What `encrypt` was given; `undefined` when key, nonce, additional data or ciphertext are not those. */
export function decrypt(
  key: KeyObject,
  nonce: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
): Buffer | undefined {
  if (nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', messageKey(key, nonce), nonce.subarray(12), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    // The only thing that fails here is the tag, and OpenSSL says nothing more about it.
    return undefined;
  }
}

function messageKey(key: KeyObject, nonce: Uint8Array): Buffer {
  const mask = maskOf(key);
  const input = Buffer.alloc(32);
  for (const counter of [1, 2]) {
    const at = (counter - 1) * 16;
    input[at + 1] = counter;
    input[at + 2] = 0x58;
    input.set(nonce.subarray(0, 12), at + 4);
    for (const [index, byte] of mask.entries()) input[at + index] = (input[at + index] ?? 0) ^ byte;
  }
  return blocks(key, input);
}

/** What follows from the key alone. */
const MASKS = new WeakMap<KeyObject, Buffer>();

function maskOf(key: KeyObject): Buffer {
  const known = MASKS.get(key);
  if (known !== undefined) return known;
  const mask = doubled(blocks(key, Buffer.alloc(16)));
  MASKS.set(key, mask);
  return mask;
}

/** AES of whole blocks, each on its own. */
function blocks(key: KeyObject, input: Uint8Array): Buffer {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(input);
}

/** CMAC's doubling: times x in GF(2^128). */
function doubled(block: Buffer): Buffer {
  const result = Buffer.alloc(16);
  let carry = 0;
  for (let index = 15; index >= 0; index -= 1) {
    const byte = block[index] ?? 0;
    result[index] = ((byte << 1) | carry) & 0xff;
    carry = byte >> 7;
  }
  result[15] = (result[15] ?? 0) ^ (carry * 0x87);
  return result;
}
