import { resolveLimits, type MessageLimits } from './limits.ts';
import { MessageReader } from './message-reader.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

/** Requests out of a client's bytes. See `MessageReader`. */
export class RequestReader extends MessageReader<RequestHead> {
  /** @throws MISCONFIGURED */
  constructor(limits: MessageLimits = {}) {
    super(resolveLimits(limits));
  }

  protected override parse(bytes: Buffer, start: number, end: number): RequestHead | undefined {
    return parseRequestHead(bytes, start, end, this.limits);
  }
}
