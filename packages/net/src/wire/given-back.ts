/** Smaller ones come and go with everything else that is young. */
const LEAST_BYTES = 16 * 1024;

/** Whether bytes are worth being given back. */
export function isWorthGivingBack(chunk: Buffer): boolean {
  return chunk.length >= LEAST_BYTES;
}

/**
 * Gives the memory of a chunk back that nobody needs any more. Node reads into new memory each time, and V8 sees little of it: while few
 * objects are made, nothing of it is free before V8 has marked all that lives, several times a second for large bodies, which takes as much
 * time as all the rest. The chunk is empty afterwards.
 */
export function giveBack(chunk: Buffer): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.length) buffer.transfer(0);
}
