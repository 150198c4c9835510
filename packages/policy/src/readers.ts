import type { Problems } from './problems.ts';

/** A duration as people write it: `50ms`, `2s`, `1.5m`, `1h`. */
export type DurationText = `${number}${'ms' | 's' | 'm' | 'h'}`;
/** A share of a whole: `50%`. */
export type RatioText = `${number}%`;
/** So many in so much time: `100/s`, `5/m`, `20/500ms`, `3/10s`. */
export type RateText = `${number}/${'' | number}${'ms' | 's' | 'm' | 'h'}`;

/** A rate, read: `count` in any `perMs`. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** What a number may be, both ends included. */
export interface Range {
  /** Default 0. */
  readonly min?: number;
  /** Default: no end. */
  readonly max?: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/;
const RATIO = /^(\d{1,6}(?:\.\d{1,6})?)%$/;
const RATE = /^(\d{1,9}(?:\.\d{1,6})?)\/(\d{1,9}(?:\.\d{1,6})?)?(ms|s|m|h)$/;

/** `2s` → 2 000; `undefined` for anything that is no duration. */
export function parseDurationMs(text: unknown): number | undefined {
  const [, number, unit] = (typeof text === 'string' ? DURATION.exec(text) : null) ?? [];
  return number === undefined || unit === undefined ? undefined : milliseconds(number, unit);
}

/** `50%` → 0.5; `undefined` for anything that is no share. */
export function parseRatio(text: unknown): number | undefined {
  const [, number] = (typeof text === 'string' ? RATIO.exec(text) : null) ?? [];
  return number === undefined ? undefined : Number(number) / 100;
}

/** `100/s` → 100 in 1 000 ms; `undefined` for anything that is no rate. */
export function parseRate(text: unknown): Rate | undefined {
  const [, count, number = '1', unit] = (typeof text === 'string' ? RATE.exec(text) : null) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const perMs = milliseconds(number, unit);
  return perMs > 0 ? { count: Number(count), perMs } : undefined;
}

/** A number of milliseconds as people write it, for messages. */
export function durationText(ms: number): string {
  if (ms >= 1_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms >= 1_000 ? `${ms / 1_000}s` : `${ms}ms`;
}

function milliseconds(number: string, unit: string): number {
  // Rounded to the microsecond: 1.1 s must not become 1 100.000 000 000 000 2 ms.
  return Math.round(Number(number) * (UNIT_MS[unit] ?? 0) * 1_000) / 1_000;
}

/**
 * Reads the keys of one section, each by its kind. A key that is left out gives the fallback; a wrong one is told to
 * `place` and gives the fallback too, so that reading goes on and finds the other faults.
 */
export class Fields<Spec extends object> {
  /** Where this section stands. */
  readonly place: Problems;
  readonly #value: Readonly<Record<string, unknown>>;

  /**
   * @param value what was written
   * @param known every key of the section; one that isn't here is a fault
   */
  constructor(value: unknown, place: Problems, known: Readonly<Record<keyof Spec & string, true>>) {
    this.place = place;
    this.#value = isRecord(value) ? value : {};
    if (!isRecord(value)) place.add(`${shown(value)} is no object; write { } for the defaults, or leave it out`);
    for (const key of Object.keys(this.#value)) if (!Object.hasOwn(known, key)) place.unknown(key, Object.keys(known));
  }

  /** Whether a key was written. */
  has(key: keyof Spec & string): boolean {
    return this.raw(key) !== undefined;
  }

  /** As it was written, for what has a shape of its own. */
  raw(key: keyof Spec & string): unknown {
    return Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
  }

  /** The place of a key. */
  at(key: keyof Spec & string): Problems {
    return this.place.at(key);
  }

  /** A duration, in milliseconds. */
  durationMs<Fallback extends number | undefined>(
    key: keyof Spec & string,
    fallback: Fallback,
    range: Range = {},
  ): number | Fallback {
    return this.#read(key, fallback, (written) => {
      const ms = parseDurationMs(written);
      if (ms !== undefined) return this.#within(key, written, ms, range, durationText) ? ms : fallback;
      const fix = typeof written === 'number' && written >= 0 ? durationText(written) : '500ms';
      this.at(key).add(`${shown(written)} is no duration; write a text with ms, s, m or h, such as '${fix}'`);
      return fallback;
    });
  }

  /** A share, 0 to 1 unless `range` says otherwise. */
  ratio<Fallback extends number | undefined>(
    key: keyof Spec & string,
    fallback: Fallback,
    range: Range = {},
  ): number | Fallback {
    return this.#read(key, fallback, (written) => {
      const ratio = parseRatio(written);
      if (ratio !== undefined)
        return this.#within(key, written, ratio, { max: 1, ...range }, percent) ? ratio : fallback;
      this.at(key).add(`${shown(written)} is no ratio; write a text with %, such as '${ratioMeant(written)}'`);
      return fallback;
    });
  }

  /** A rate. */
  rate<Fallback extends Rate | undefined>(key: keyof Spec & string, fallback: Fallback): Rate | Fallback {
    return this.#read(key, fallback, (written) => {
      const rate = parseRate(written);
      if (rate !== undefined && rate.count > 0) return rate;
      const fix = typeof written === 'number' && written > 0 ? `${written}/s` : '100/s';
      this.at(key).add(`${shown(written)} is no rate; write how many in how much time, such as '${fix}'`);
      return fallback;
    });
  }

  /** A whole number. */
  count<Fallback extends number | undefined>(
    key: keyof Spec & string,
    fallback: Fallback,
    range: Range = {},
  ): number | Fallback {
    return this.#read(key, fallback, (written) => {
      if (!Number.isSafeInteger(written)) {
        this.at(key).add(`${shown(written)} is no whole number; write it without quotes`);
        return fallback;
      }
      const count = Number(written);
      return this.#within(key, written, count, range, String) ? count : fallback;
    });
  }

  /** Any finite number. */
  number<Fallback extends number | undefined>(
    key: keyof Spec & string,
    fallback: Fallback,
    range: Range = {},
  ): number | Fallback {
    return this.#read(key, fallback, (written) => {
      if (typeof written !== 'number' || !Number.isFinite(written)) {
        this.at(key).add(`${shown(written)} is no number; write it without quotes`);
        return fallback;
      }
      return this.#within(key, written, written, range, String) ? written : fallback;
    });
  }

  /** True or false. */
  flag(key: keyof Spec & string, fallback: boolean): boolean {
    return this.#read(key, fallback, (written) => {
      if (typeof written === 'boolean') return written;
      this.at(key).add(`${shown(written)} is neither true nor false`);
      return fallback;
    });
  }

  /** One of some words. */
  choice<Choice extends string, Fallback extends Choice | undefined>(
    key: keyof Spec & string,
    choices: readonly Choice[],
    fallback: Fallback,
  ): Choice | Fallback {
    return this.#read(key, fallback, (written) => {
      const chosen = choices.find((each) => each === written);
      if (chosen === undefined) this.at(key).add(`${shown(written)} is none of ${choices.join(', ')}`);
      return chosen ?? fallback;
    });
  }

  /** A text that isn't empty. */
  text<Fallback extends string | undefined>(key: keyof Spec & string, fallback: Fallback): string | Fallback {
    return this.#read(key, fallback, (written) => {
      if (typeof written === 'string' && written !== '') return written;
      this.at(key).add(`${shown(written)} is no text`);
      return fallback;
    });
  }

  /** A list whose every entry `parse` understands; `kind` says in messages what an entry is. */
  list<Entry>(
    key: keyof Spec & string,
    fallback: readonly Entry[],
    parse: (written: unknown) => Entry | undefined,
    kind: string,
  ): readonly Entry[] {
    return this.#read(key, fallback, (written) => {
      if (!Array.isArray(written)) {
        this.at(key).add(`${shown(written)} is no list`);
        return fallback;
      }
      return written.flatMap((each: unknown, index) => {
        const entry = parse(each);
        if (entry === undefined)
          this.at(key)
            .at(String(index))
            .add(`${shown(each)} is no ${kind}`);
        return entry === undefined ? [] : [entry];
      });
    });
  }

  #read<Read, Fallback>(key: string, fallback: Fallback, read: (written: unknown) => Read | Fallback): Read | Fallback {
    const written = Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
    return written === undefined ? fallback : read(written);
  }

  #within(
    key: keyof Spec & string,
    written: unknown,
    value: number,
    range: Range,
    print: (bound: number) => string,
  ): boolean {
    const { min = 0, max = Infinity } = range;
    if (value >= min && value <= max) return true;
    const wanted = max === Infinity ? `at least ${print(min)}` : `from ${print(min)} to ${print(max)}`;
    this.at(key).add(`${shown(written)} is out of range; give ${wanted}`);
    return false;
  }
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  return JSON.stringify(value) ?? 'undefined';
}

/** Whether it is an object with keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1e6) / 1e4}%`;
}

/** What a number without % was probably meant to be: 50 and '50' are 50 %, 0.5 is 50 % too. */
function ratioMeant(written: unknown): string {
  const number = typeof written === 'string' && written.trim() !== '' ? Number(written) : written;
  if (typeof number !== 'number' || !(number >= 0 && number <= 100)) return '50%';
  return percent(number < 1 ? number : number / 100);
}
