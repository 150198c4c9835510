import { createSecretKey, type KeyObject } from 'node:crypto';
import { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { KeyProvider } from './key-provider.ts';
import { decrypt, encrypt, NONCE_BYTES } from './xaes.ts';

/** Length of every key, in bytes. */
export const KEY_BYTES = 32;

/**
 * Key-encryption keys of this process, from a secret's text (an environment variable or a file): one key a line, written
 * `id:base64`, 32 bytes each, the one in use first. To rotate, put a new line on top, restart, `rewrap`, and then take the
 * old line away. Make one with `openssl rand -base64 32`.
 * @throws MISCONFIGURED naming the line, never what it holds
 */
export function keyRing(text: string): KeyProvider {
  const keys = parse(text);
  const [current] = keys.keys();
  if (current === undefined) throw misconfigured('is empty');

  function keyOf(kek: string): KeyObject {
    const key = keys.get(kek);
    if (key !== undefined) return key;
    throw fail(
      'KEY_UNAVAILABLE',
      `The key ring has no key-encryption key "${kek}". Put its line back until everything was rewrapped.`,
      { details: { kek } },
    );
  }

  return {
    currentKek: async () => current,
    async wrap(ctx, key, binding) {
      const nonce = Buffer.from(ctx.random.bytes(NONCE_BYTES));
      return {
        kek: current,
        wrapped: Buffer.concat([nonce, encrypt(keyOf(current), nonce, additional(current, binding), key)]),
      };
    },
    async unwrap(_ctx, { kek, wrapped }, binding) {
      const [nonce, ciphertext] = [wrapped.subarray(0, NONCE_BYTES), wrapped.subarray(NONCE_BYTES)];
      const key = decrypt(keyOf(kek), nonce, additional(kek, binding), ciphertext);
      if (key !== undefined) return key;
      throw fail(
        'SEAL_BROKEN',
        `A data key does not unwrap under "${kek}": its row was changed or moved, or the ring has another key under this id.`,
        { details: { kek } },
      );
    },
  };
}

function additional(kek: string, binding: string): Buffer {
  return Buffer.from(JSON.stringify(['fairlead data key', kek, binding]));
}

function parse(text: string): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, id, encoded] = /^\s*([\w.-]{1,64}):([A-Za-z0-9+/]{43}=)\s*$/.exec(line) ?? [];
    if (id === undefined || encoded === undefined)
      throw misconfigured(`has a line ${index + 1} that is not id:base64 of ${KEY_BYTES} bytes`);
    if (keys.has(id)) throw misconfigured(`has the id of line ${index + 1} twice`);
    keys.set(id, createSecretKey(Buffer.from(encoded, 'base64')));
  }
  return keys;
}

function misconfigured(what: string): FairleadError {
  return new FairleadError(
    'internal',
    'MISCONFIGURED',
    `The key ring ${what}. Write one key a line as id:base64, the one in use first; openssl rand -base64 32 makes one.`,
  );
}
