import { CHUNKED, Fields, type ResponseHead } from '@fairlead/net';
import { checkEdit, withoutEdited } from './edited-lines.ts';
import type { AnswerFields, AnswerHead, AnswerSource, BodySink, BodyStage, LocalAnswer } from './filter.ts';
import { localBody, localLines } from './problem-answer.ts';

/** Makes a stage of a body's way. */
export type StageMaker = (next: BodySink, source: { room(): void }) => BodyStage;

/** An answer as its client is told it: an upstream's head is one. */
export interface Told {
  readonly status: number;
  /** Whole lines of what is said besides framing. */
  readonly kept: string;
  readonly fields: Fields;
  /** Below 0 when nobody knows. */
  readonly bodyBytes: number;
  /** What is said of the length where there is no body; below 0 is nothing. */
  readonly statedBytes: number;
}

/** An answer that filters look at, or have changed: every change is another one. */
export class ToldAnswer implements Told, AnswerHead {
  readonly status: number;
  readonly kept: string;
  readonly bodyBytes: number;
  readonly cause: string | undefined;
  /** The proxy's own answer that it is; `undefined` for an upstream's. */
  readonly own: LocalAnswer | undefined;
  /** Of an own answer: latin1 text, bytes, or what makes them. */
  readonly body: string | Buffer | AnswerSource;
  /** What the body goes through, in this order. */
  readonly stages: readonly StageMaker[];
  #fields: Fields | undefined;

  constructor(parts: {
    readonly status: number;
    readonly kept: string;
    readonly bodyBytes: number;
    readonly own: LocalAnswer | undefined;
    readonly body: string | Buffer | AnswerSource;
    readonly stages: readonly StageMaker[];
  }) {
    this.status = parts.status;
    this.kept = parts.kept;
    this.bodyBytes = parts.bodyBytes;
    this.cause = parts.own?.cause;
    this.own = parts.own;
    this.body = parts.body;
    this.stages = parts.stages;
  }

  get fields(): Fields {
    return (this.#fields ??= new Fields(this.kept));
  }

  get statedBytes(): number {
    return this.bodyBytes;
  }

  /** With fields that are others, a further stage, or both. */
  revised(fields: AnswerFields | undefined, stage: StageMaker | undefined, bodyBytes: number | undefined): ToldAnswer {
    return new ToldAnswer({
      status: this.status,
      kept: fields === undefined ? this.kept : withFields(this.kept, fields),
      bodyBytes: bodyBytes ?? (stage === undefined || this.status === 204 ? this.bodyBytes : CHUNKED),
      own: this.own,
      body: this.body,
      stages: stage === undefined ? this.stages : [...this.stages, stage],
    });
  }

  /** Nobody will ask for its body. */
  forgo(): void {
    const { body } = this;
    if (typeof body !== 'string' && !Buffer.isBuffer(body)) body.stop();
  }
}

/** An upstream's answer. */
export function upstreamAnswer(head: ResponseHead, method: string): ToldAnswer {
  const { status, kept, bodyBytes, statedBytes } = head;
  const would = method === 'HEAD' || status === 304 ? statedBytes : bodyBytes;
  const known = would < 0 ? CHUNKED : would;
  return new ToldAnswer({ status, kept, bodyBytes: known, own: undefined, body: '', stages: [] });
}

/** An answer of the proxy's own to a request for `path`, in this trace. */
export function ownAnswer(own: LocalAnswer, path: string, traceId: string): ToldAnswer {
  const { status } = own;
  const body = localBody(own, path, traceId);
  const bodyBytes = typeof body === 'string' || Buffer.isBuffer(body) ? body.length : Math.max(CHUNKED, body.bytes);
  return new ToldAnswer({ status, kept: localLines(own), bodyBytes, own, body, stages: [] });
}

function withFields(lines: string, fields: AnswerFields): string {
  const edits = new Map(Object.entries(fields));
  let edited = withoutEdited(lines, edits);
  for (const [name, value] of edits) {
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) {
      checkEdit(name, one);
      edited += `${name}: ${one}\r\n`;
    }
  }
  return edited;
}
