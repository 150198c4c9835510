/** Places in `KNOWN_NAMES` of the names that frame a message, or say what its frame may hold. */
export const HOST = 0;
export const CONTENT_LENGTH = 1;
export const TRANSFER_ENCODING = 2;
export const CONNECTION = 3;
export const EXPECT = 4;
export const TE = 5;
export const TRAILER = 6;

/** Field names that get no string of their own in each message. The first ones have the places above. */
export const KNOWN_NAMES: readonly string[] = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
  'te',
  'trailer',
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'baggage',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'cookie',
  'date',
  'etag',
  'forwarded',
  'grpc-timeout',
  'idempotency-key',
  'idempotency-replayed',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'keep-alive',
  'last-modified',
  'location',
  'origin',
  'range',
  'referer',
  'retry-after',
  'server',
  'set-cookie',
  'traceparent',
  'tracestate',
  'upgrade',
  'user-agent',
  'vary',
  'via',
  'x-envoy-expected-rq-timeout-ms',
  'x-fairlead-caller',
  'x-fairlead-correlation-id',
  'x-fairlead-criticality',
  'x-fairlead-roles',
  'x-fairlead-subject',
  'x-fairlead-tenant',
  'x-fairlead-timeout-ms',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
];

const SLOTS = 512;
const LOWER_CASE = 0x20;
const slots = new Int16Array(SLOTS).fill(-1);
/** All names in a row, and where each begins: octets are compared quicker than the characters of a string. */
const octets = Uint8Array.from(KNOWN_NAMES.join(''), (letter) => letter.charCodeAt(0));
const starts = new Uint16Array(KNOWN_NAMES.length + 1);
for (const [place, name] of KNOWN_NAMES.entries()) {
  const { length } = name;
  let slot = slotOf(length, name.charCodeAt(0), name.charCodeAt(length - 1), name.charCodeAt(length >> 1));
  while (slots[slot] !== -1) slot = (slot + 1) % SLOTS;
  slots[slot] = place;
  starts[place + 1] = (starts[place] ?? 0) + length;
}

/**
 * The place of a name in `KNOWN_NAMES`, whatever its case; −1 when it isn't there. The octets from `start` to `end` must
 * be token octets, at least one.
 */
export function knownName(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = (bytes[start] ?? 0) | LOWER_CASE;
  const last = (bytes[end - 1] ?? 0) | LOWER_CASE;
  let slot = slotOf(length, first, last, (bytes[start + (length >> 1)] ?? 0) | LOWER_CASE);
  for (;;) {
    const place = slots[slot] ?? -1;
    if (place === -1 || isName(place, bytes, start, length)) return place;
    slot = (slot + 1) % SLOTS;
  }
}

function isName(place: number, bytes: Uint8Array, start: number, length: number): boolean {
  const from = starts[place] ?? 0;
  if ((starts[place + 1] ?? 0) - from !== length) return false;
  for (let index = 0; index < length; index += 1) {
    // Of the octets that a token may hold only a letter's upper case becomes a letter's lower case by this bit.
    if (((bytes[start + index] ?? 0) | LOWER_CASE) !== octets[from + index]) return false;
  }
  return true;
}

function slotOf(length: number, first: number, last: number, inner: number): number {
  return (length * 37 + first * 5 + last * 11 + inner * 67) & (SLOTS - 1);
}
