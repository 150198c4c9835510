import type { LocalAnswer } from '../../engine/filter.ts';
import type { AnswerSource } from '../../engine/filter.ts';
import { hitStatus } from './cache-status.ts';
import { isUnmodified, isSameForRange } from './conditions.ts';
import { rangeOf, type ByteRange } from './byte-range.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Candidate } from './reuse.ts';
import type { Visited } from './sieve.ts';
import { rulesOf, type AnswerRecord, type AnswerRules } from './stored-answer.ts';
import type { Fields } from '@fairlead/net';

/** Fields that say something of a body that isn't sent (RFC 9110, section 15.4.5). */
const OF_A_BODY = /^(?:content-(?:type|encoding|language|range|md5|length)):[^\r]*\r\n/gm;
/** What a body's octets are, apart from its range: the first may be there in the stored answer already. */
const CONTENT_RANGE = /^content-range:[^\r]*\r\n/gm;

/** Gives a stored body, or a part of it. */
export type BodyOf = (range: ByteRange) => Buffer | AnswerSource;

/** A stored answer, ready to be given: its age goes by a clock that never goes back. */
export class Entry implements Visited {
  isVisited = false;
  readonly record: AnswerRecord;
  readonly rules: AnswerRules;
  readonly bodyBytes: number;
  /** Whole lines of its fields, latin1. */
  readonly lines: string;
  readonly #body: BodyOf;
  /** When its age was `#initialAgeMs`, by the monotonic clock. */
  readonly #bornAtMs: number;
  readonly #initialAgeMs: number;
  /** The usual answer, as it was made for the second of its age. */
  #usual: LocalAnswer | undefined;
  #usualAgeS = -1;
  #usualCache = '';

  /** `ageMs`: how old it is at `nowMs` of the monotonic clock; `Infinity` when nobody can tell. */
  constructor(record: AnswerRecord, bodyBytes: number, body: BodyOf, ageMs: number, nowMs: number) {
    this.record = record;
    this.rules = rulesOf(record);
    this.bodyBytes = bodyBytes;
    this.lines = linesOf(record.fields);
    this.#body = body;
    this.#bornAtMs = nowMs;
    this.#initialAgeMs = ageMs;
  }

  ageMs(nowMs: number): number {
    return this.#initialAgeMs + (nowMs - this.#bornAtMs);
  }

  candidate(nowMs: number): Candidate {
    const { record, rules } = this;
    return {
      ageMs: this.ageMs(nowMs),
      lifetimeMs: record.lifetimeMs,
      directives: rules.directives,
      status: record.status,
    };
  }

  /** Whether its origin can say that it still holds. */
  get isValidatable(): boolean {
    return this.rules.etag !== undefined || this.rules.lastModified !== undefined;
  }

  /** The same body under another head. */
  under(record: AnswerRecord, nowMs: number): Entry {
    return new Entry(record, this.bodyBytes, this.#body, record.initialAgeMs, nowMs);
  }

  /** The answer to a request: the whole, a part, or that the client has it. `status` is the line that tells of the cache. */
  answer(fields: Fields, facts: RequestFacts, nowMs: number, cache: string, status?: string): LocalAnswer {
    const ageS = Math.max(0, Math.floor(this.ageMs(nowMs) / 1_000));
    const isPlain = !facts.isConditional && facts.range === undefined;
    if (
      isPlain &&
      status === undefined &&
      ageS === this.#usualAgeS &&
      cache === this.#usualCache &&
      this.#usual !== undefined
    )
      return this.#usual;
    const ttlS = Math.floor(this.record.lifetimeMs / 1_000) - ageS;
    const own = `${this.lines}age: ${Number.isFinite(ageS) ? ageS : 2 ** 31}\r\ncache-status: ${status ?? hitStatus(cache, Number.isFinite(ttlS) ? ttlS : 0)}\r\n`;
    if (!isPlain) return this.#special(fields, facts, own);
    const usual = this.#whole(own);
    // What gives a body from a file gives it once.
    if (status === undefined && Buffer.isBuffer(usual.body)) {
      this.#usual = usual;
      this.#usualAgeS = ageS;
      this.#usualCache = cache;
    }
    return usual;
  }

  #special(fields: Fields, facts: RequestFacts, lines: string): LocalAnswer {
    const { record, rules, bodyBytes } = this;
    const isOk = record.status === 200;
    if (facts.isConditional && isOk && isUnmodified(fields, rules, record.cameAtMs)) {
      return cached(304, lines.replaceAll(OF_A_BODY, ''), this.#body({ from: 0, to: bodyBytes }));
    }
    const takes = isOk && isSameForRange(facts.ifRange, rules, rules.lastModified);
    const range = takes ? rangeOf(facts.range, bodyBytes) : 'whole';
    if (range === 'whole') return this.#whole(lines);
    const rest = lines.replaceAll(CONTENT_RANGE, '');
    if (range === 'none') return cached(416, `${rest}content-range: bytes */${bodyBytes}\r\n`, '');
    const part = `${rest}content-range: bytes ${range.from}-${range.to - 1}/${bodyBytes}\r\n`;
    return cached(206, part, this.#body(range));
  }

  #whole(lines: string): LocalAnswer {
    return cached(this.record.status, lines, this.#body({ from: 0, to: this.bodyBytes }));
  }
}

function cached(status: number, lines: string, body: LocalAnswer['body'] & {}): LocalAnswer {
  return { status, cause: 'CACHED', detail: 'This answer was stored.', lines, body };
}

function linesOf(fields: readonly string[]): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) lines += `${fields[at] ?? ''}: ${fields[at + 1] ?? ''}\r\n`;
  return lines;
}
