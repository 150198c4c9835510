/** What a client says who it is (RFC 7617). */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

const MOST_LENGTH = 1_024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the value of `Authorization`; `undefined` when it is of another scheme, `malformed` when it is no user and password
 * in UTF-8 without control characters.
 */
export function basicCredentials(value: string): BasicCredentials | 'malformed' | undefined {
  const [, encoded] = /^basic(?:$| +(.*)$)/i.exec(value) ?? [];
  if (encoded === undefined) return /^basic$/i.test(value) ? 'malformed' : undefined;
  if (encoded.length > MOST_LENGTH || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return 'malformed';
  let text: string;
  try {
    text = utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return 'malformed';
  }
  const colon = text.indexOf(':');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (colon === -1 || /[\u0000-\u001f\u007f-\u009f]/.test(text)) return 'malformed';
  return { user: text.slice(0, colon).normalize('NFC'), password: text.slice(colon + 1) };
}
