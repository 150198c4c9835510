/** Of one cookie with its name, for browsers that count them together (RFC 6265, section 6.1). */
const MOST_BYTES = 3_800;
/** Together they leave room for other fields in a head of 16 KiB. */
const MOST_PARTS = 3;
const GONE = 'Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax';

/** Cookies as a client sends them, by name; the first of a name counts. */
export type Cookies = ReadonlyMap<string, string>;

/** Reads the field `Cookie`. */
export function readCookies(field: string | undefined): Cookies {
  const cookies = new Map<string, string>();
  for (const pair of field?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals).trim();
    if (equals > 0 && !cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim());
  }
  return cookies;
}

/** The field `Cookie` without one and what belongs to it (`name.…`); `undefined` when none is left. */
export function withoutCookies(field: string, name: string): string | undefined {
  const rest = field
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !pair.startsWith(`${name}=`) && !pair.startsWith(`${name}.`));
  return rest.length === 0 ? undefined : rest.join('; ');
}

/** A value for `Set-Cookie`, for this host only (`__Host-`), over TLS only, out of reach of scripts. */
export function setCookie(name: string, value: string, maxAgeMs: number): string {
  return `${name}=${value}; Path=/; Max-Age=${Math.ceil(maxAgeMs / 1_000)}; Secure; HttpOnly; SameSite=Lax`;
}

export function clearCookie(name: string): string {
  return `${name}=; ${GONE}`;
}

/** A value that may have been written in parts. */
export function joinedCookie(cookies: Cookies, name: string): string | undefined {
  const whole = cookies.get(name);
  if (whole !== undefined) return whole;
  let value: string | undefined;
  for (let part = 0; part < MOST_PARTS; part += 1) {
    const next = cookies.get(partName(name, part));
    if (next === undefined) break;
    value = (value ?? '') + next;
  }
  return value;
}

/** Values for `Set-Cookie` of a value in as many parts as it takes, without what the client has left of another; `undefined` when it is too long. */
export function splitCookie(cookies: Cookies, name: string, value: string, maxAgeMs: number): string[] | undefined {
  const room = MOST_BYTES - partName(name, 0).length;
  const count = Math.ceil(value.length / room);
  if (count > MOST_PARTS) return undefined;
  const parts = Array.from({ length: count }, (_, part) => value.slice(part * room, (part + 1) * room));
  const named = parts.map((part, at) => [count === 1 ? name : partName(name, at), part] as const);
  const kept = named.map(([each]) => each);
  return [
    ...named.map(([each, part]) => setCookie(each, part, maxAgeMs)),
    ...namesOf(name)
      .filter((each) => cookies.has(each) && !kept.includes(each))
      .map((each) => clearCookie(each)),
  ];
}

/** Values for `Set-Cookie` that leave nothing of it. */
export function clearedCookie(cookies: Cookies, name: string): string[] {
  return namesOf(name)
    .filter((each) => cookies.has(each))
    .map((each) => clearCookie(each));
}

function namesOf(name: string): readonly string[] {
  return [name, ...Array.from({ length: MOST_PARTS }, (_, part) => partName(name, part))];
}

function partName(name: string, part: number): string {
  return `${name}.${part}`;
}
