import type { OutgoingFields } from '@fairlead/net';
import type { FilterWorld, Passage, SideAnswer } from '../../engine/filter.ts';
import type { Cache } from './cache.ts';
import { isIdentified, type CacheSettings } from './cache-settings.ts';
import type { Entry } from './entry.ts';
import { keepAnswer } from './keep-answer.ts';
import { notStored, supersedes } from './storability.ts';
import { confirmed } from './stored-answer.ts';
import { selectingOf, sentBy, varyNames } from './vary.ts';

/** What is asked for anew. */
export interface Refreshing {
  readonly cache: Cache;
  readonly settings: CacheSettings;
  readonly world: FilterWorld;
  readonly key: string;
  readonly entry: Entry;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** What the client asks for itself, not for others. */
const OWN = ['if-modified-since', 'if-none-match', 'if-range', 'range', 'cache-control', 'pragma', 'host'];

/** Asks for a stored answer anew, as the request of `passage` would, while that is given what there is. Never rejects. */
export async function refresh(about: Refreshing, passage: Passage): Promise<void> {
  const { cache, settings, world, key, entry } = about;
  const { resource } = entry.record;
  const arriving = cache.arriving(resource);
  cache.refreshing.add(key);
  const request = passage.fields;
  const isTo = isIdentified(passage.identity, request.get('authorization') !== undefined, settings);
  // The passage is over before the answer comes.
  const sent = sentBy(passage);
  const askedAtMs = world.clock.now();
  try {
    const answer = await world.ask({
      cluster: passage.cluster,
      method: 'GET',
      target: passage.upstreamTarget,
      ...(passage.upstreamHost === undefined ? {} : { host: passage.upstreamHost }),
      fields: fieldsOf(passage, entry),
      timeoutMs: passage.route.timeoutMs === 0 ? DEFAULT_TIMEOUT_MS : passage.route.timeoutMs,
      maxBodyBytes: settings.maxObjectBytes,
    });
    cache.counts.refreshed += 1;
    if (!arriving.isDoomed) take(answer);
  } catch {
    // What is stored may still be given, for as long as it says so.
  } finally {
    cache.refreshing.delete(key);
    cache.arrived(arriving);
  }

  function take({ status, fields, body }: SideAnswer): void {
    const { clock } = world;
    const cameAtMs = clock.now();
    if (status === 304) {
      const record = confirmed(entry.record, { fields, askedAtMs, cameAtMs }, settings, settings.withCookies);
      return cache.store.confirm(entry, entry.under(record, clock.monotonic()));
    }
    const facts = { status, fields, askedAtMs, cameAtMs };
    const why = notStored(facts, { noStore: false, isIdentified: isTo }, settings);
    if (why !== undefined) {
      if (supersedes(status, why)) cache.store.remove(entry);
      return;
    }
    const { partition } = entry.record;
    const selecting = selectingOf(varyNames(fields.get('vary')) ?? [], sent);
    const keeping = keepAnswer(cache, settings, clock, {
      answer: { ...facts, resource, partition, selecting },
      arriving,
      bodyBytes: body.length,
      share: () => {},
      over: () => {},
    });
    if (keeping?.spool.append(body) === true) keeping.ends.whole();
  }
}

/** As they would go on, but for what the client asks for itself. */
function fieldsOf(passage: Passage, { rules }: Entry): OutgoingFields {
  const fields: Record<string, string | readonly string[]> = {};
  const { keptFields, upstreamEdits } = passage;
  for (let at = 0; at < keptFields.list.length; at += 2) {
    const name = keptFields.list[at] ?? '';
    fields[name] = keptFields.all(name);
  }
  fields['x-forwarded-for'] = passage.clientAddress;
  fields['x-forwarded-proto'] = passage.isTls ? 'https' : 'http';
  fields['x-forwarded-host'] = passage.fields.get('host') ?? passage.host;
  for (const [name, value] of upstreamEdits ?? []) {
    if (value === undefined) delete fields[name];
    else fields[name] = value;
  }
  for (const name of OWN) delete fields[name];
  if (rules.etag !== undefined) fields['if-none-match'] = rules.etag;
  if (rules.lastModified !== undefined) fields['if-modified-since'] = rules.lastModified;
  return fields;
}
