import { scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '@fairlead/core';

/** A password as it is kept: what scrypt (RFC 7914) has made of it, and how. */
export interface PasswordHash {
  /** Binary logarithm of scrypt's N. */
  readonly costLog2: number;
  readonly blockSize: number;
  readonly parallel: number;
  readonly salt: Uint8Array;
  readonly derived: Uint8Array;
}

/** 32 MiB for each of three rounds: OWASP's choice for scrypt with little memory. */
const NEW = { costLog2: 15, blockSize: 8, parallel: 3 } as const;
const BYTES_OF_BLOCK = 128;
const SALT_BYTES = 16;
const DERIVED_BYTES = 32;
/** Less is guessed too fast. */
const LEAST_MEMORY_BYTES = 2 ** 24;
/** More would keep the gateway busy with a single guess. */
const MOST_MEMORY_BYTES = 2 ** 27;
const MOST_WORK_BYTES = 2 ** 29;

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43,86})$/;

/**
 * Reads a hash in the PHC string format, `$scrypt$ln=15,r=8,p=3$<salt>$<hash>` with base64 without padding, which other
 * libraries write, too.
 * @returns what is wrong with it, as text
 */
export function readPasswordHash(text: string): PasswordHash | string {
  const [whole, costLog2 = '', blockSize = '', parallel = '', salt = '', derived = ''] = FORM.exec(text) ?? [];
  if (whole === undefined) return 'is no hash of scrypt; write what `fairlead gateway password` prints';
  const hash = {
    costLog2: Number(costLog2),
    blockSize: Number(blockSize),
    parallel: Number(parallel),
    salt: Buffer.from(salt, 'base64'),
    derived: Buffer.from(derived, 'base64'),
  };
  const memory = memoryBytes(hash);
  if (memory < LEAST_MEMORY_BYTES || hash.parallel === 0)
    return 'is of a scrypt too cheap to protect a password; it takes 16 MiB at least, which is ln=14,r=8,p=1';
  if (memory > MOST_MEMORY_BYTES || memory * hash.parallel > MOST_WORK_BYTES)
    return 'is of a scrypt too costly for a gateway; it takes at most 128 MiB, and 512 MiB in all rounds';
  return hash;
}

/** What is kept of a password, to be written into the configuration. */
export async function newPasswordHash(password: string, random: Random): Promise<string> {
  const salt = random.bytes(SALT_BYTES);
  const derived = await derive(password, { ...NEW, salt, derived: new Uint8Array(DERIVED_BYTES) });
  return `$scrypt$ln=${NEW.costLog2},r=${NEW.blockSize},p=${NEW.parallel}$${bare(salt)}$${bare(derived)}`;
}

/** Whether it is the password. Takes long on purpose, and as long when it is not. */
export async function isPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash), hash.derived);
}

/** Off the main thread. What looks the same to people is the same (RFC 8265, section 4.2). */
function derive(password: string, { costLog2, blockSize, parallel, salt, derived }: PasswordHash): Promise<Buffer> {
  const memory = memoryBytes({ costLog2, blockSize });
  const options = { N: 2 ** costLog2, r: blockSize, p: parallel, maxmem: 2 * memory };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, derived.length, options, (error, made) => {
      if (error === null) resolve(made);
      else reject(error);
    });
  });
}

function memoryBytes({ costLog2, blockSize }: Pick<PasswordHash, 'costLog2' | 'blockSize'>): number {
  return BYTES_OF_BLOCK * 2 ** costLog2 * blockSize;
}

function bare(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
