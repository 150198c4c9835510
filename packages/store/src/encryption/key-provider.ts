import type { Context } from '@fairlead/core';

/** A data key under the key that wraps it: safe to store, useless without that key. */
export interface WrappedKey {
  /** Id of the key-encryption key, its version included, such as `2026-11` or `vault:orders:v3`. */
  readonly kek: string;
  readonly wrapped: Uint8Array;
}

/**
 * Who holds the key-encryption keys: a key ring of this process (`keyRing`), or a service such as Vault or a cloud's KMS.
 * `binding` must be authenticated with the key (additional data, encryption context), so that a wrapped key that was
 * moved to another tenant's row does not unwrap. Failures are thrown; their messages never hold a key.
 */
export interface KeyProvider {
  /** Id of the key-encryption key that `wrap` uses now. */
  currentKek(ctx: Context): Promise<string>;
  wrap(ctx: Context, key: Uint8Array, binding: string): Promise<WrappedKey>;
  /**
   * @throws KEY_UNAVAILABLE when the key-encryption key is not there (any more); SEAL_BROKEN when it does not fit
   */
  unwrap(ctx: Context, key: WrappedKey, binding: string): Promise<Uint8Array>;
}
