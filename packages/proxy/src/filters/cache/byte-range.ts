/** Octets of a body. */
export interface ByteRange {
  readonly from: number;
  /** The one behind the last. */
  readonly to: number;
}

const ONE = /^bytes=(\d{0,15})-(\d{0,15})$/i;

/**
 * The octets that a `Range` asks for: `whole` when it is to be passed over, as several ranges and other units are, `none` when a body
 * of this length has none of them (RFC 9110, section 14.1.2).
 */
export function rangeOf(text: string | undefined, bytes: number): ByteRange | 'whole' | 'none' {
  const found = text === undefined ? null : ONE.exec(text.replaceAll(/[ \t]/g, ''));
  if (found === null) return 'whole';
  const [, first = '', last = ''] = found;
  if (first === '') {
    if (last === '') return 'whole';
    const count = Math.min(Number(last), bytes);
    return count === 0 ? 'none' : { from: bytes - count, to: bytes };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return 'whole';
  if (from >= bytes) return 'none';
  return { from, to: last === '' ? bytes : Math.min(Number(last) + 1, bytes) };
}
