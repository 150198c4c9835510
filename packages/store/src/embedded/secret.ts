import { realRandom } from '@fairlead/core';

const random = realRandom();

/** Random bytes that nobody can foresee: for the machine's own secrets, which no simulator replays. */
export function secretBytes(length: number): Buffer {
  return Buffer.from(random.bytes(length));
}

/** A new password: 192 random bits, URL-safe. */
export function newPassword(): string {
  return secretBytes(24).toString('base64url');
}

/** A name's ending that no other process will choose. */
export function uniqueSuffix(): string {
  return secretBytes(8).toString('hex');
}
