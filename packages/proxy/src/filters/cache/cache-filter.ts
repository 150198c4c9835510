import { CHUNKED } from '@fairlead/net';
import type {
  AnswerHead,
  Filter,
  FilterWorld,
  LocalAnswer,
  Outcome,
  Passage,
  Revision,
  Verdict,
} from '../../engine/filter.ts';
import type { Cache } from './cache.ts';
import { partitionOf, resourceOf, sameOrigin } from './cache-key.ts';
import { isIdentified, type CacheSettings } from './cache-settings.ts';
import { forwardStatus, type Forwarded, type Handled } from './cache-status.ts';
import type { Entry } from './entry.ts';
import { Flight, type Waiter } from './flight.ts';
import type { Errand, Journey } from './journey.ts';
import { refresh } from './refresh.ts';
import { requestFacts, type RequestFacts } from './request-facts.ts';
import { reuseOf, standsIn } from './reuse.ts';
import { notStored, supersedes } from './storability.ts';
import { confirmed } from './stored-answer.ts';
import { keepAnswer } from './keep-answer.ts';
import { Recording } from './recording.ts';
import { selectingOf, selects, sentBy, varyNames } from './vary.ts';

/** Methods that change nothing, for all that a cache knows. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']);
/** Failures that a stale answer may stand in for (RFC 5861, section 4). */
const STOOD_IN_FOR = new Set([500, 502, 503, 504]);

/**
 * An RFC 9111 cache between a route and its cluster. `request` answers from what is stored or sends the request on an errand;
 * `revise` stores what comes, confirms what was there, or puts it in the place of a failure.
 */
export class CacheFilter implements Filter {
  readonly type = 'cache';
  readonly #cache: Cache;
  readonly #settings: CacheSettings;
  readonly #world: FilterWorld;
  readonly #journeys = new Map<Passage, Journey>();

  constructor(cache: Cache, settings: CacheSettings, world: FilterWorld) {
    this.#cache = cache;
    this.#settings = settings;
    this.#world = world;
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    const { method } = passage;
    if (method !== 'GET' && method !== 'HEAD')
      return this.#pass(passage, SAFE.has(method) ? { kind: 'past', forwarded: 'method' } : { kind: 'unsafe' });
    const { key, obeysRequests } = this.#settings;
    const facts = requestFacts(passage.fields, obeysRequests);
    if (facts.isForOrigin) return this.#pass(passage, { kind: 'past', forwarded: 'bypass' });
    const resource = resourceOf(passage, key);
    const partition = partitionOf(passage, key);
    const found = this.#cache.store.find(resource, partition, sentBy(passage));
    if (!(found instanceof Promise)) return this.#look(passage, facts, resource, partition, found);
    this.#journeys.set(passage, { kind: 'past', forwarded: 'bypass' });
    // Whoever has gone meanwhile has left its journey.
    return found.then((entries) =>
      this.#journeys.has(passage) ? this.#look(passage, facts, resource, partition, entries) : undefined,
    );
  }

  revise(passage: Passage, head: AnswerHead): Revision | undefined {
    const journey = this.#journeys.get(passage);
    switch (journey?.kind) {
      case undefined:
        return undefined;
      case 'past':
        return this.#tell(passage, head, journey);
      case 'unsafe':
        this.#invalidate(passage, head);
        return this.#tell(passage, head, { forwarded: 'method' });
      case 'head':
        this.#compare(journey.stale, head);
        return this.#tell(passage, head, journey);
      case 'errand':
        return this.#brought(passage, head, journey);
    }
  }

  ended(passage: Passage, _outcome: Outcome): void {
    const journey = this.#journeys.get(passage);
    if (journey === undefined) return;
    this.#journeys.delete(passage);
    if (journey.kind !== 'errand') return;
    journey.joined?.leave(passage);
    journey.unmade?.();
    // Its head never came: somebody who waits for it goes on.
    if (!journey.isOver) this.#lost(passage, journey);
  }

  /** What is stored is looked at, in the light of the request. */
  #look(
    passage: Passage,
    asked: RequestFacts,
    resource: string,
    partition: string,
    entries: readonly Entry[],
  ): Verdict | Promise<Verdict> {
    const { method } = passage;
    const isHead = method === 'HEAD';
    // A range of no body (RFC 9110, section 14.2).
    const facts = isHead && asked.range !== undefined ? { ...asked, range: undefined } : asked;
    const nowMs = this.#world.clock.monotonic();
    const entry = entries.find((each) => selects(each.record.selecting, sentBy(passage)));
    const key = `${partition}\n${resource}`;
    if (entry !== undefined) {
      const reuse = reuseOf(entry.candidate(nowMs), facts.directives, this.#settings);
      if (reuse === 'use' || (reuse === 'refresh' && this.#refreshes(passage, key, entry))) {
        return this.#give(passage, entry, facts, nowMs);
      }
    }
    const { onlyIfCached, noStore, noCache } = facts.directives;
    if (onlyIfCached) return NOT_CACHED;
    const forwarded: Forwarded =
      noStore || (noCache && entry !== undefined)
        ? 'request'
        : entry !== undefined
          ? 'stale'
          : entries.length > 0
            ? 'vary-miss'
            : 'uri-miss';
    this.#cache.counts.misses += 1;
    if (isHead) return this.#pass(passage, { kind: 'head', stale: entry, forwarded });
    return this.#errand(passage, { facts, resource, partition, key, forwarded, stale: entry });
  }

  #give(passage: Passage, entry: Entry, facts: RequestFacts, nowMs: number): LocalAnswer {
    const { counts } = this.#cache;
    counts.hits += 1;
    if (entry.ageMs(nowMs) >= entry.record.lifetimeMs) counts.staleHits += 1;
    entry.isVisited = true;
    return entry.answer(passage.fields, facts, nowMs, this.#settings.name);
  }

  /** Whether a stale answer may be given because somebody asks for it anew: we, behind the client's back, or another request. */
  #refreshes(passage: Passage, key: string, entry: Entry): boolean {
    const { refreshing, flights } = this.#cache;
    if (refreshing.has(key) || flights.has(key)) return true;
    // Filters that stand behind this one would not be asked.
    if (passage.route.filters.at(-1)?.type !== this.type) return false;
    void refresh({ cache: this.#cache, settings: this.#settings, world: this.#world, key, entry }, passage);
    return true;
  }

  #errand(
    passage: Passage,
    about: Pick<Errand, 'facts' | 'resource' | 'partition' | 'key' | 'forwarded' | 'stale'>,
  ): Verdict | Promise<Verdict> {
    const { facts, key, stale } = about;
    const isAsking = stale?.isValidatable === true;
    const isAlone = facts.range !== undefined || facts.directives.noStore || (facts.isConditional && !isAsking);
    const { waitMs } = this.#settings;
    const mayShare = waitMs > 0 && !isAlone && !this.#cache.isUnshared(key);
    const flying = mayShare ? this.#cache.flights.get(key) : undefined;
    const errand: Errand = {
      kind: 'errand',
      ...about,
      isAsking,
      isIdentified: isIdentified(passage.identity, facts.hasAuthorization, this.#settings),
      askedAtMs: this.#world.clock.now(),
      arriving: undefined,
      flight: undefined,
      joined: flying,
      isOver: false,
      unmade: undefined,
    };
    this.#journeys.set(passage, errand);
    if (flying === undefined) {
      if (mayShare) {
        errand.flight = new Flight(this.#world.clock, waitMs);
        this.#cache.flights.set(key, errand.flight);
      }
      return this.#depart(passage, errand);
    }
    const verdict = flying.join({ passage, facts });
    if (verdict instanceof Promise) return verdict.then((said) => said ?? this.#depart(passage, errand));
    if (verdict !== undefined) this.#cache.counts.collapsed += 1;
    return verdict ?? this.#depart(passage, errand);
  }

  /** It goes by itself, or before those who wait for it. */
  #depart(passage: Passage, errand: Errand): undefined {
    // It has gone while it waited.
    if (this.#journeys.get(passage) !== errand) return;
    errand.joined = undefined;
    errand.askedAtMs = this.#world.clock.now();
    errand.arriving = this.#cache.arriving(errand.resource);
    this.#condition(passage, errand);
  }

  /** Asks whether what is stored still holds, in the place of what the client asks. */
  #condition(passage: Passage, { isAsking, stale, facts }: Errand): void {
    if (!isAsking || stale === undefined) return;
    passage.setUpstream('if-none-match', stale.rules.etag);
    passage.setUpstream('if-modified-since', stale.rules.lastModified);
    if (facts.range !== undefined) passage.setUpstream('range', undefined);
    if (facts.ifRange !== undefined) passage.setUpstream('if-range', undefined);
  }

  #brought(passage: Passage, head: AnswerHead, errand: Errand): Revision | undefined {
    const { stale, facts, forwarded, key } = errand;
    const { status } = head;
    errand.isOver = true;
    const nowMs = this.#world.clock.monotonic();
    if (status === 304 && errand.isAsking && stale !== undefined) return this.#confirm(passage, head, errand, stale);
    if (STOOD_IN_FOR.has(status) && stale !== undefined && standsIn(stale.candidate(nowMs), this.#settings)) {
      return this.#standIn(passage, head, errand, stale, nowMs);
    }
    const why = this.#whyNot(head, errand);
    const kept = why === undefined ? this.#keep(passage, head, errand) : undefined;
    if (kept !== undefined) {
      this.#tell(passage, head, { forwarded, isStored: true });
      return kept;
    }
    const isSuperseded = head.cause === undefined && supersedes(status, why ?? '');
    if (stale !== undefined && isSuperseded) this.#cache.store.remove(stale);
    this.#goneBy(errand);
    if (errand.flight !== undefined && status < 500) this.#cache.unshare(key);
    const isPart = status === 206 && facts.range !== undefined;
    return this.#tell(passage, head, { forwarded, detail: isPart ? 'partial' : (why ?? 'no-room') });
  }

  /** Stores it on its way, and gives it to those who wait. */
  #keep(passage: Passage, head: AnswerHead, errand: Errand): Revision | undefined {
    const { resource, partition, askedAtMs, arriving, flight } = errand;
    if (arriving === undefined) return undefined;
    const { clock } = this.#world;
    const { name } = this.#settings;
    const selecting = selectingOf(varyNames(head.fields.get('vary')) ?? [], sentBy(passage));
    const answer = {
      resource,
      partition,
      selecting,
      status: head.status,
      fields: head.fields,
      askedAtMs,
      cameAtMs: clock.now(),
    };
    const collapsed = forwardStatus(name, { forwarded: errand.forwarded, isCollapsed: true });
    const keeping = keepAnswer(this.#cache, this.#settings, clock, {
      answer,
      arriving,
      bodyBytes: head.bodyBytes,
      share: (entry) => {
        const nowMs = clock.monotonic();
        this.#cache.counts.collapsed +=
          flight?.share((waiter) => this.#sharedWith(waiter, entry, nowMs, collapsed)) ?? 0;
      },
      over: () => this.#goneBy(errand),
    });
    if (keeping === undefined) return undefined;
    if (head.status === 204) {
      keeping.ends.whole();
      return {};
    }
    errand.unmade = () => keeping.ends.unmade();
    return {
      stage: (next, source) => {
        errand.unmade = undefined;
        return new Recording(next, source, keeping.spool, keeping.ends);
      },
      ...(head.bodyBytes === CHUNKED ? {} : { bodyBytes: head.bodyBytes }),
    };
  }

  #confirm(passage: Passage, head: AnswerHead, errand: Errand, stale: Entry): Revision {
    const { clock } = this.#world;
    const nowMs = clock.monotonic();
    const { store, counts } = this.#cache;
    const update = { fields: head.fields, askedAtMs: errand.askedAtMs, cameAtMs: clock.now() };
    const entry = stale.under(confirmed(stale.record, update, this.#settings, this.#settings.withCookies), nowMs);
    counts.validated += 1;
    const tag = head.fields.get('etag');
    const isOther = tag !== undefined && stale.rules.etag !== undefined && tag !== stale.rules.etag;
    // What it confirms isn't what is here, as far as one can tell: it is given once more, and not kept.
    if (isOther || errand.arriving?.isDoomed === true) store.remove(stale);
    else store.confirm(stale, entry);
    const collapsed = forwardStatus(this.#settings.name, { forwarded: 'stale', isCollapsed: true });
    this.#share(errand, (waiter) => this.#sharedWith(waiter, entry, nowMs, collapsed));
    const status = forwardStatus(this.#settings.name, { forwarded: errand.forwarded, forwardedStatus: 304 });
    return { instead: entry.answer(passage.fields, errand.facts, nowMs, this.#settings.name, status) };
  }

  #standIn(passage: Passage, head: AnswerHead, errand: Errand, stale: Entry, nowMs: number): Revision {
    const { name } = this.#settings;
    this.#cache.counts.staleHits += 1;
    const forwardedStatus = head.cause === undefined ? head.status : undefined;
    const status = forwardStatus(name, { forwarded: 'stale', forwardedStatus, detail: 'stale-if-error' });
    const give = (of: Passage, facts: RequestFacts) => stale.answer(of.fields, facts, nowMs, name, status);
    this.#share(errand, ({ passage: of, facts }) =>
      selects(stale.record.selecting, sentBy(of)) ? give(of, facts) : undefined,
    );
    return { instead: give(passage, errand.facts) };
  }

  #whyNot(head: AnswerHead, { facts, isIdentified, askedAtMs, arriving }: Errand): string | undefined {
    if (arriving?.isDoomed === true) return 'purged';
    const { status, fields, bodyBytes } = head;
    const answer = { status, fields, askedAtMs, cameAtMs: this.#world.clock.now() };
    const why = notStored(answer, { noStore: facts.directives.noStore, isIdentified }, this.#settings);
    return why ?? (bodyBytes !== CHUNKED && bodyBytes > this.#settings.maxObjectBytes ? 'too-large' : undefined);
  }

  /** What a client changed successfully is no longer what is stored (RFC 9111, section 4.4). */
  #invalidate(passage: Passage, { status, fields }: AnswerHead): void {
    if (status < 200 || status >= 400) return;
    const { key } = this.#settings;
    const authority = passage.fields.get('host') ?? passage.host;
    const named = ['location', 'content-location'].map((name) => sameOrigin(passage, authority, fields.get(name)));
    for (const facts of [passage, ...named]) if (facts !== undefined) this.#cache.invalidate(resourceOf(facts, key));
  }

  /** A HEAD that says otherwise than what is stored: that is no longer it (RFC 9111, section 4.3.5). */
  #compare(stored: Entry | undefined, { status, fields, bodyBytes }: AnswerHead): void {
    if (stored === undefined || status !== 200) return;
    const { etag, lastModified } = stored.rules;
    const differs = (said: string | undefined, known: string | undefined) => said !== undefined && said !== known;
    const isOther = differs(fields.get('etag'), etag) || differs(fields.get('last-modified'), lastModified);
    if (isOther || (bodyBytes >= 0 && bodyBytes !== stored.bodyBytes)) this.#cache.store.remove(stored);
  }

  #pass(passage: Passage, journey: Journey): undefined {
    if (journey.kind !== 'head') this.#cache.counts.bypassed += 1;
    this.#journeys.set(passage, journey);
    return undefined;
  }

  /** Says in `Cache-Status` what became of it; the one nearest to the origin comes first. */
  #tell(passage: Passage, head: AnswerHead, handled: Handled): undefined {
    const before = head.fields.get('cache-status');
    const own = forwardStatus(this.#settings.name, handled);
    passage.setAnswer('cache-status', before === undefined ? own : `${before}, ${own}`);
  }

  /** What somebody who has waited is given of what has come for another one: nothing, where it is another variant or not fresh. */
  #sharedWith({ passage, facts }: Waiter, entry: Entry, nowMs: number, status: string): LocalAnswer | undefined {
    if (!selects(entry.record.selecting, sentBy(passage))) return undefined;
    if (reuseOf(entry.candidate(nowMs), facts.directives, this.#settings) !== 'use') return undefined;
    return entry.answer(passage.fields, facts, nowMs, this.#settings.name, status);
  }

  #share(errand: Errand, shared: Parameters<Flight['share']>[0]): void {
    this.#landed(errand);
    this.#cache.counts.collapsed += errand.flight?.share(shared) ?? 0;
  }

  /** Others can't be given what it brings. */
  #goneBy(errand: Errand): void {
    this.#landed(errand);
    errand.flight?.disperse();
  }

  #landed({ arriving, flight, key }: Errand): void {
    if (arriving !== undefined) this.#cache.arrived(arriving);
    if (this.#cache.flights.get(key) === flight) this.#cache.flights.delete(key);
  }

  /** Who has waited longest for it goes on in its place. */
  #lost(passage: Passage, errand: Errand): void {
    if (errand.arriving !== undefined) this.#cache.arrived(errand.arriving);
    const { flight } = errand;
    const next = flight?.succeed();
    const heir = next === undefined ? undefined : this.#journeys.get(next);
    if (next === undefined || heir?.kind !== 'errand' || next === passage) {
      this.#goneBy(errand);
      return;
    }
    heir.flight = flight;
    flight?.leave(next);
  }
}

const NOT_CACHED: LocalAnswer = {
  status: 504,
  cause: 'NOT_CACHED',
  detail: 'Only what is stored was asked for, and it is not.',
};
