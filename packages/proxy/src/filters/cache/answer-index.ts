import type { PurgeQuery } from './cache-store.ts';
import type { Entry } from './entry.ts';

/** More variants of one URL are hardly meant: the oldest go. */
const MOST_VARIANTS = 32;
const NOBODY: readonly Entry[] = [];

/** Which stored answers there are, by what they are asked and purged by. */
export class AnswerIndex {
  readonly #resources = new Map<string, Map<string, Entry[]>>();
  readonly #tags = new Map<string, Set<Entry>>();

  /** The newest first; not to be kept. */
  find(resource: string, partition: string): readonly Entry[] {
    return this.#resources.get(resource)?.get(partition) ?? NOBODY;
  }

  /** Those whose place it takes: of the same variant, or one too many. */
  add(entry: Entry): readonly Entry[] {
    const { resource, partition, tags } = entry.record;
    const partitions = this.#resources.get(resource) ?? new Map<string, Entry[]>();
    this.#resources.set(resource, partitions);
    const before = partitions.get(partition) ?? [];
    const same = before.filter((each) => isSameVariant(each, entry));
    const stay = before.filter((each) => !same.includes(each));
    const replaced = [...same, ...stay.slice(MOST_VARIANTS - 1)];
    partitions.set(partition, [entry, ...stay]);
    for (const tag of tags) {
      const tagged = this.#tags.get(tag) ?? new Set();
      this.#tags.set(tag, tagged.add(entry));
    }
    for (const each of replaced) this.delete(each);
    return replaced;
  }

  delete(entry: Entry): void {
    const { resource, partition, tags } = entry.record;
    const partitions = this.#resources.get(resource);
    const entries = partitions?.get(partition);
    if (partitions !== undefined && entries !== undefined) {
      // A list that was given out stays as it was.
      const left = entries.filter((each) => each !== entry);
      if (left.length > 0) partitions.set(partition, left);
      else partitions.delete(partition);
      if (partitions.size === 0) this.#resources.delete(resource);
    }
    for (const tag of tags) {
      const tagged = this.#tags.get(tag);
      tagged?.delete(entry);
      if (tagged?.size === 0) this.#tags.delete(tag);
    }
  }

  /** What a purge means. */
  meant(query: Exclude<PurgeQuery, { kind: 'all' }>): readonly Entry[] {
    if (query.kind === 'tag') return [...(this.#tags.get(query.tag) ?? [])];
    return [...(this.#resources.get(query.resource)?.values() ?? [])].flat();
  }
}

function isSameVariant(a: Entry, b: Entry): boolean {
  return JSON.stringify(a.record.selecting) === JSON.stringify(b.record.selecting);
}
