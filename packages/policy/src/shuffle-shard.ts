/**
 * Deals a name its hand: `hand` different numbers below `queues`, by chance, and the same for the same name and salt.
 * Two of many names share a whole hand with a probability of 1 to the binomial of `queues` over `hand` (64 over 8: 4.4
 * thousand million).
 *
 * Source: shuffle sharding as of Amazon's builders' library and Kubernetes' API priority and fairness.
 * @param salt unknown to whoever chooses names, or they could choose one with a given hand
 */
export function dealHand(name: string, salt: number, queues: number, hand: number): readonly number[] {
  const dealt: number[] = [];
  let state = hash(name, salt);
  for (let card = 0; card < hand; card++) {
    state = mix(state + 0x9e37_79b9);
    // A number among those that are left, then moved past those that are taken.
    let queue = Math.floor((state / 2 ** 32) * (queues - card));
    for (const taken of dealt.toSorted((a, b) => a - b)) if (queue >= taken) queue += 1;
    dealt.push(queue);
  }
  return dealt;
}

/**
 * FNV-1a (Fowler, Noll, Vo) over the name's UTF-16, mixed so that names that differ at the end alone differ everywhere.
 */
function hash(name: string, salt: number): number {
  let sum = (0x811c_9dc5 ^ salt) >>> 0;
  for (let at = 0; at < name.length; at++) sum = Math.imul(sum ^ name.charCodeAt(at), 0x0100_0193) >>> 0;
  return mix(sum ^ salt);
}

/** The finalizer of MurmurHash3 (Austin Appleby): every bit of the word changes half of the bits of the result. */
function mix(word: number): number {
  let mixed = word >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
