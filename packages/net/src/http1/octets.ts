// The octets that HTTP/1.1 is made of (RFC 9110, section 5.6; RFC 9112).

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const QUOTE = 0x22;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;

/** Whether an octet may stand in a token, such as a method or a field's name. Index: the octet. */
export const IS_TOKEN = tableOf((octet) => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(octet)));

/** Whether an octet may stand in a field's value: visible ones, space, tab, and obs-text. */
export const IS_VALUE = tableOf((octet) => octet === TAB || (octet >= SPACE && octet !== 0x7f));

/**
 * Whether an octet may stand in a request's target. Visible ASCII without a fragment's `#`, and without `"`, `<`, `>`
 * and `\`, which no URL parser sends and some take for something else.
 */
export const IS_TARGET = tableOf(
  (octet) => octet > SPACE && octet < 0x7f && !'#"<>\\'.includes(String.fromCharCode(octet)),
);

/** The value of a hexadecimal digit, and 16 for everything else. Index: the octet. */
export const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, octet) => {
  const digit = String.fromCharCode(octet);
  return /[0-9A-Fa-f]/.test(digit) ? Number.parseInt(digit, 16) : 16;
});

function tableOf(holds: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (holds(octet) ? 1 : 0));
}

/** How a message shows what it found instead of what it expected. */
export function octetName(octet: number): string {
  return octet > SPACE && octet < 0x7f ? `"${String.fromCharCode(octet)}"` : `0x${octet.toString(16).padStart(2, '0')}`;
}
