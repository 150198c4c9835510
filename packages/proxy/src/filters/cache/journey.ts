import type { Arriving } from './cache.ts';
import type { Forwarded } from './cache-status.ts';
import type { Entry } from './entry.ts';
import type { Flight } from './flight.ts';
import type { RequestFacts } from './request-facts.ts';

/** What a cache remembers of a request that has gone upstream, until it is over. */
export type Journey =
  /** It has nothing to do with what is stored, or its answer may invalidate some of it. */
  | { readonly kind: 'past'; readonly forwarded: Forwarded; readonly detail?: string }
  | { readonly kind: 'unsafe' }
  /** A HEAD; what it says may show that the stored GET is another. */
  | { readonly kind: 'head'; readonly stale: Entry | undefined; readonly forwarded: Forwarded }
  | Errand;

/** A request whose answer may be stored. */
export interface Errand {
  readonly kind: 'errand';
  readonly key: string;
  readonly resource: string;
  readonly partition: string;
  readonly facts: RequestFacts;
  readonly forwarded: Forwarded;
  /** What is stored and stale, if there is something: it may be confirmed, or stand in for a failure. */
  readonly stale: Entry | undefined;
  /** Whether it asks for confirmation of that. */
  readonly isAsking: boolean;
  readonly isIdentified: boolean;
  /** When it went on, in milliseconds since 1970. */
  askedAtMs: number;
  /** What it brings, from when it goes on. */
  arriving: Arriving | undefined;
  /** Those who wait for it. */
  flight: Flight | undefined;
  /** Whom it waits for itself. */
  joined: Flight | undefined;
  /** Its answer's head has come. */
  isOver: boolean;
  /** Lets go of what was made for its body, as long as nobody has taken that up. */
  unmade: (() => void) | undefined;
}
