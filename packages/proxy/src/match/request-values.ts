/**
 * The first value of a parameter, decoded as forms are (`+` is a blank); `undefined` when it isn't there. Escapes that are
 * malformed stay as they are.
 * @param query empty, or beginning with `?`
 * @param name decoded
 */
export function queryValue(query: string, name: string): string | undefined {
  let start = 1;
  while (start < query.length) {
    let end = query.indexOf('&', start);
    if (end === -1) end = query.length;
    let equals = query.indexOf('=', start);
    if (equals === -1 || equals > end) equals = end;
    if (isName(query, start, equals, name)) return decoded(query.slice(Math.min(equals + 1, end), end));
    start = end + 1;
  }
  return undefined;
}

function isName(query: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length && query.startsWith(name, start)) return true;
  // Only an escape or a plus makes a name of another spelling.
  for (let at = start; at < end; at += 1) {
    const code = query.charCodeAt(at);
    if (code === 0x25 || code === 0x2b) return decoded(query.slice(start, end)) === name;
  }
  return false;
}

function decoded(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/**
 * The first value of a cookie (RFC 6265, section 5.4), without the quotes around it; `undefined` when it isn't there.
 * @param header the value of `Cookie`
 */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  let start = 0;
  while (start < header.length) {
    let end = header.indexOf(';', start);
    if (end === -1) end = header.length;
    while (header.charCodeAt(start) === 0x20) start += 1;
    if (header.startsWith(name, start) && header.charCodeAt(start + name.length) === 0x3d) {
      const value = header.slice(start + name.length + 1, end).trimEnd();
      return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
    start = end + 1;
  }
  return undefined;
}
