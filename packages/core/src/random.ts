/** Randomness, as a port, so that a simulator can seed it. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` random bytes. The real implementation is cryptographically strong. */
  bytes(length: number): Uint8Array;
}
