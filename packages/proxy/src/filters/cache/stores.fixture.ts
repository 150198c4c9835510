import type { AnswerSource, BodySink } from '../../engine/filter.ts';
import type { Entry } from './entry.ts';
import { requestFacts } from './request-facts.ts';
import type { AnswerRecord } from './stored-answer.ts';
import { Fields } from '@fairlead/net';

/** A record of a URL, as a test says. */
export function recordOfTest(resource: string, more: Partial<AnswerRecord> = {}): AnswerRecord {
  return {
    resource,
    partition: 'shop',
    selecting: [],
    status: 200,
    fields: ['cache-control', 'max-age=60'],
    tags: [],
    cameAtMs: Date.UTC(2030, 0, 1),
    initialAgeMs: 0,
    lifetimeMs: 60_000,
    ...more,
  };
}

/** A client that takes a body. */
export class Taker implements BodySink {
  text = '';
  hasRoom = true;
  readonly #end = Promise.withResolvers<'whole' | 'cut'>();

  part(part: Buffer): boolean {
    this.text += part.toString('latin1');
    return this.hasRoom;
  }

  end(): void {
    this.#end.resolve('whole');
  }

  cut(): void {
    this.#end.resolve('cut');
  }

  get ended(): Promise<'whole' | 'cut'> {
    return this.#end.promise;
  }
}

/** What gives the body of an entry in a file. */
export function sourceOf(entry: Entry): AnswerSource {
  const { body } = entry.answer(new Fields([]), requestFacts(new Fields([]), true), 0, 'test');
  if (typeof body !== 'object' || Buffer.isBuffer(body)) throw new TypeError('The body is in memory.');
  return body;
}

/** Takes all of what an entry gives to a plain request. */
export async function bodyOf(entry: Entry | undefined): Promise<string | undefined> {
  const body = entry?.answer(new Fields([]), requestFacts(new Fields([]), true), 0, 'test').body;
  if (body === undefined || typeof body === 'string') return body;
  return Buffer.isBuffer(body) ? body.toString('latin1') : takenOf(body);
}

/** Takes all of what a source gives; `undefined` when it is cut. */
export async function takenOf(source: AnswerSource): Promise<string | undefined> {
  const taker = new Taker();
  source.start(taker);
  return (await taker.ended) === 'whole' ? taker.text : undefined;
}
