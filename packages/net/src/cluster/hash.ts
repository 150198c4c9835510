/**
 * 32 bits of a text, for `pick`: FNV-1a (Fowler, Noll, Vo) over its UTF-16 units, and the finalizer of MurmurHash3 (Appleby)
 * after it, without which short texts that are alike lie side by side on a ring. The same on every machine; no secret keeps
 * anybody from choosing texts that meet.
 */
export function hashOf(text: string): number {
  return mixed(fnv(text));
}

/** The `index`th number that belongs to a hash, each as good as another hash. */
export function hashAt(hash: number, index: number): number {
  return mixed((hash + Math.imul(index + 1, 0x9e3779b9)) | 0);
}

function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
