import { fail } from '../errors.ts';

/**
 * A field of HTTP/2 as a line of HTTP/1.1.
 * @throws HTTP_MALFORMED when it would be more than one line
 */
export function fieldLine(name: string, value: string): string {
  return `${oneLine(name)}: ${oneLine(value)}\r\n`;
}

/**
 * Text that stands on one line.
 * @throws HTTP_MALFORMED when it would not
 */
export function oneLine(text: string): string {
  if (/[\r\n\0]/.test(text)) throw fail('HTTP_MALFORMED', 'A field of the stream holds a line end.');
  return text;
}

/**
 * Trailers of HTTP/2, names and values by turns, as the end of a body in chunks.
 * @throws HTTP_MALFORMED
 */
export function lastChunk(trailers: readonly string[]): string {
  let lines = '';
  for (let at = 0; at < trailers.length; at += 2) lines += fieldLine(trailers[at] ?? '', trailers[at + 1] ?? '');
  return `0\r\n${lines}\r\n`;
}

/** Fields as Node's HTTP/2 sends them: a name that is there several times has a list. */
export function outgoingFields(
  list: readonly string[],
  leftOut: ReadonlySet<string>,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    const value = list[at + 1] ?? '';
    if (leftOut.has(name)) continue;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [before, value];
  }
  return headers;
}
