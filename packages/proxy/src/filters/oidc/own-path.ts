const MOST_LENGTH = 2_048;
const HERE = 'https://here.invalid';

/**
 * Path and query of the gateway's own that somebody may be sent back to; `undefined` for everything that a browser could read as
 * another host: other URLs, `//host`, `/\host`, and control characters, which browsers leave out.
 */
export function ownPath(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MOST_LENGTH) return undefined;
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return undefined;
  const url = URL.canParse(text, HERE) ? new URL(text, HERE) : undefined;
  if (url === undefined || url.origin !== HERE) return undefined;
  const path = url.pathname + url.search;
  // Dots may have left two slashes at the beginning.
  return path.startsWith('//') ? undefined : path;
}
