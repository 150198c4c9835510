/** One effect that was committed under a lease. */
export interface LeaseEffect {
  /** Place in the order in which effects were written. */
  readonly seq: number;
  readonly name: string;
  readonly token: bigint;
  readonly process: string;
  /** `seq` of the last effect on this name that the writer had read before, in another transaction; 0 for none. */
  readonly read: number;
}

/**
 * What in a history of effects could not be if each lease had one effective owner at a time: a token below one that was
 * used before, a token of two processes, a write that rests on something other than the write before it.
 */
export function leaseViolations(history: readonly LeaseEffect[]): readonly string[] {
  const found: string[] = [];
  const last = new Map<string, LeaseEffect>();
  const owners = new Map<string, string>();
  for (const effect of history.toSorted((a, b) => a.seq - b.seq)) {
    const { name, process, read, seq, token } = effect;
    const before = last.get(name);
    const key = `${name} ${token}`;
    if (before !== undefined && token < before.token)
      found.push(`${seq}: ${process} wrote ${name} under ${token} after ${before.process} had under ${before.token}`);
    if ((owners.get(key) ?? process) !== process)
      found.push(`${seq}: ${key} is of ${owners.get(key)} and of ${process}`);
    if (read !== (before?.seq ?? 0))
      found.push(`${seq}: ${process} wrote ${name} over ${before?.seq ?? 0}, having read ${read}`);
    owners.set(key, process);
    last.set(name, effect);
  }
  return found;
}
