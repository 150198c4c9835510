import { createHash, createHmac, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { FairleadError } from '@fairlead/core';

/** What a transaction may see: one tenant's rows, or every tenant's where a table allows it. */
export type TenantScope = { readonly kind: 'tenant'; readonly tenant: string } | { readonly kind: 'every-tenant' };

/** Makes claims that `fairlead.tenant_scope()` believes. Whoever holds one can be any tenant. */
export interface ClaimKey {
  /** Which key, for the server to find it by. */
  readonly id: string;
  /** The two halves of HMAC's key, as the server keeps them. Secret. */
  readonly pads: { readonly inner: Buffer; readonly outer: Buffer };
  /** The value of the setting `fairlead.tenancy` for a transaction of the session `processId`. */
  claim(processId: number, scope: TenantScope): string;
}

const BLOCK_BYTES = 64;

/**
 * The key that follows from a secret: the same on both sides, hard to guess from a claim that somebody has seen (scrypt,
 * RFC 7914), even where the secret is a short password.
 * @throws MISCONFIGURED when there is none
 */
export async function claimKey(secret: string): Promise<ClaimKey> {
  if (secret === '') {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      "Tenancy needs a secret that SQL doesn't know: a password in the database's URL, or the option secret.",
    );
  }
  // A promise of bytes: this form of the function has a callback of exactly that.
  const derive = promisify(scrypt) as (secret: string, salt: string, length: number) => Promise<Buffer>;
  return claimKeyFrom(await derive(secret, 'fairlead tenancy claims', 32));
}

/** The claims that 32 bytes of key make. */
export function claimKeyFrom(key: Uint8Array): ClaimKey {
  const id = createHash('sha256').update('id').update(key).digest('hex').slice(0, 16);
  return {
    id,
    pads: { inner: padded(key, 0x36), outer: padded(key, 0x5c) },
    claim(processId, scope) {
      const text = scope.kind === 'tenant' ? `t${scope.tenant}` : '*';
      return `${id}.${createHmac('sha256', key).update(`${processId} ${text}`).digest('hex')}.${text}`;
    },
  };
}

function padded(key: Uint8Array, byte: number): Buffer {
  const pad = Buffer.alloc(BLOCK_BYTES, byte);
  for (const [index, value] of key.entries()) pad[index] = value ^ byte;
  return pad;
}
