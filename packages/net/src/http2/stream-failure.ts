/** Why a stream to a server brought no answer, or not all of one. */
export class StreamFailure extends Error {
  /** In a word, such as `HTTP2_REFUSED_STREAM`. */
  readonly code: string;
  /** Whether the server has provably done nothing for it. */
  readonly isUnprocessed: boolean;

  constructor(code: string, message: string, isUnprocessed: boolean) {
    super(message);
    this.code = code;
    this.isUnprocessed = isUnprocessed;
  }
}

/** The codes that a stream is reset with, in their order (RFC 9113, section 7). */
const RESET_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];
const REFUSED_STREAM = RESET_CODES.indexOf('REFUSED_STREAM');

/** A stream that was reset with this code. `isUnsent`: the server has not seen it, or has said that it won't look at it. */
export function resetBy(code: number, isUnsent: boolean): StreamFailure {
  const name = `HTTP2_${RESET_CODES[code] ?? `ERROR_${code}`}`;
  return new StreamFailure(name, `The stream was reset: ${name}.`, isUnsent || code === REFUSED_STREAM);
}
