import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import type { Random } from '@fairlead/core';

const ID_BYTES = 4;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const HEAD_BYTES = ID_BYTES + SALT_BYTES;

interface Held {
  readonly id: Buffer;
  readonly secret: Buffer;
}

/**
 * Seals texts for clients to keep: AES-256-GCM, each with a key and nonce of its own, by HKDF (RFC 5869) of a secret and a random
 * salt, so that no number of them wears a secret out. There is one algorithm and no header that could name another. What a text is
 * for is authenticated with it: what was sealed for one purpose opens for no other. The first secret seals, all of them open.
 */
export class Seal {
  readonly #held: readonly Held[];
  readonly #random: Random;

  constructor(secrets: readonly [string, ...(readonly string[])], random: Random) {
    this.#held = secrets.map((text) => {
      const secret = Buffer.from(text, 'utf8');
      return { secret, id: createHmac('sha256', secret).update('fairlead seal').digest().subarray(0, ID_BYTES) };
    });
    this.#random = random;
  }

  seal(text: string, purpose: string): string {
    // `as`: there is at least one.
    const { id, secret } = this.#held[0] as Held;
    const salt = Buffer.from(this.#random.bytes(SALT_BYTES));
    const { key, nonce } = keyOf(secret, salt);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(purpose, 'utf8'));
    const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([id, salt, content, cipher.getAuthTag()]).toString('base64url');
  }

  /** What was sealed for this purpose; `undefined` when it was not, or not by any of the secrets, or has been changed. */
  open(sealed: string, purpose: string): string | undefined {
    if (!/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined;
    const bytes = Buffer.from(sealed, 'base64url');
    // Each has one spelling.
    if (bytes.length < HEAD_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined;
    const held = this.#held.find(({ id }) => id.equals(bytes.subarray(0, ID_BYTES)));
    if (held === undefined) return undefined;
    const { key, nonce } = keyOf(held.secret, bytes.subarray(ID_BYTES, HEAD_BYTES));
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(purpose, 'utf8'));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    try {
      const content = decipher.update(bytes.subarray(HEAD_BYTES, bytes.length - TAG_BYTES));
      return Buffer.concat([content, decipher.final()]).toString('utf8');
    } catch {
      return undefined;
    }
  }
}

function keyOf(secret: Buffer, salt: Buffer): { readonly key: Buffer; readonly nonce: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', secret, salt, 'fairlead seal', KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}
