import type { Clock } from '@fairlead/core';
import type { Arriving, Cache } from './cache.ts';
import { Entry } from './entry.ts';
import type { FreshnessSettings } from './freshness.ts';
import type { RecordingEnds } from './recording.ts';
import type { Spool } from './spool.ts';
import { recordOf, type ArrivedAnswer } from './stored-answer.ts';

/** An answer that is to be stored. */
export interface Keepable {
  readonly answer: ArrivedAnswer;
  readonly arriving: Arriving;
  /** Below 0: nobody knows. */
  readonly bodyBytes: number;
  /** Others may be given it: when its length is known at once, and else when it is whole. */
  share(entry: Entry): void;
  /** It is stored, or never will be. */
  over(): void;
}

/** An answer that is being stored. */
export interface Keeping {
  readonly spool: Spool;
  readonly ends: RecordingEnds & {
    /** Nobody gives its body. */
    unmade(): void;
  };
}

/** Begins to store an answer; `undefined` when there is no room. */
export function keepAnswer(
  cache: Cache,
  settings: FreshnessSettings & { readonly withCookies: boolean },
  clock: Clock,
  { answer, arriving, bodyBytes, share, over }: Keepable,
): Keeping | undefined {
  const record = recordOf(answer, settings, settings.withCookies);
  arriving.tags = record.tags;
  const spool = cache.store.begin(record, bodyBytes);
  if (spool === undefined) return undefined;
  if (bodyBytes >= 0) {
    share(new Entry(record, bodyBytes, () => spool.reader(), record.initialAgeMs, clock.monotonic()));
  }
  const stored = (entry: Entry | undefined): void => {
    if (entry !== undefined) {
      // It was purged while it came.
      if (arriving.isDoomed) cache.store.remove(entry);
      else cache.counts.stored += 1;
      if (bodyBytes < 0) share(entry);
    }
    over();
  };
  return {
    spool,
    ends: {
      isShared: () => spool.isRead,
      lost: over,
      unmade() {
        spool.abandon();
        over();
      },
      whole() {
        const committed = spool.commit();
        if (committed instanceof Promise) void committed.then(stored);
        else stored(committed);
      },
    },
  };
}
