/** What stands where a secret was. */
export const REDACTED = '[redacted]';

const MIN_SECRET_LENGTH = 6;
const MAX_DEPTH = 8;
const MAX_TEXT_LENGTH = 32_768;
const MAX_ENTRIES = 1000;

const SECRET_WORDS = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'authorization',
  'cookie',
  'apikey',
  'privatekey',
  'credential',
];
const NOT_SECRET = new Set(['fencingtoken', 'secretname', 'cookiename']);
/** What is secret wherever it stands: credentials in URLs, bearer tokens, JSON web tokens. */
const SECRET_SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, `$1:${REDACTED}@`],
  [/\b(bearer|basic) +[a-z0-9._~+/=-]{16,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*/g, REDACTED],
];

/** What each of the shapes has in it, to be found quickly; hardly a text has any. */
const SECRET_SIGNS = /:\/\/|bearer|basic|eyJ/i;
const MAX_KNOWN_NAMES = 1000;

/** Takes secrets out of what is about to be told. */
export interface Redaction {
  /** The text without secret values. */
  text(text: string): string;
  /**
   * Whether `text` would change `json`, a JSON text of strings, or a string in it. May say yes wrongly, never no.
   */
  mayHide(json: string): boolean;
  /**
   * A copy that JSON can carry, without the values of secret names and without secret values. Errors become name, code,
   * message, stack, details and cause. What goes too deep or in a circle is cut.
   */
  value(value: unknown): unknown;
  /** Whether a field of this name is secret. */
  isSecretName(name: string): boolean;
  /** How many secret values are known; grows only. */
  readonly secrets: number;
  /** See `Telemetry.redactValue`. */
  add(secret: string): boolean;
}

/** A redaction that knows these names and values besides the usual ones. */
export function redaction(keys: readonly string[], values: readonly string[]): Redaction {
  const extra = new Set(keys.map(plain));
  const secrets = new Set<string>();
  let pattern: RegExp | undefined;

  const names = new Map<string, boolean>();

  function isSecret(name: string): boolean {
    const word = plain(name);
    if (extra.has(word)) return true;
    if (NOT_SECRET.has(word)) return false;
    return /tokens?$/.test(word) || SECRET_WORDS.some((secretWord) => word.includes(secretWord));
  }

  const self: Redaction = {
    get secrets() {
      return secrets.size;
    },
    mayHide(json) {
      if (json.length > MAX_TEXT_LENGTH || SECRET_SIGNS.test(json)) return true;
      return pattern !== undefined && json.search(pattern) >= 0;
    },
    text(text) {
      if (!self.mayHide(text)) return text;
      let out = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}… (${text.length} characters)` : text;
      if (pattern !== undefined) out = out.replace(pattern, REDACTED);
      for (const [shape, replacement] of SECRET_SHAPES) out = out.replace(shape, replacement);
      return out;
    },
    value: (value) => copy(value, self, new Set(), 0),
    isSecretName(name) {
      const known = names.get(name);
      if (known !== undefined) return known;
      const secret = isSecret(name);
      if (names.size < MAX_KNOWN_NAMES) names.set(name, secret);
      return secret;
    },
    add(secret) {
      if (secret.length < MIN_SECRET_LENGTH) return false;
      // A secret in a URL or in JSON looks different there; those forms are secret too.
      for (const form of [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)]) {
        secrets.add(form);
      }
      const longestFirst = [...secrets].toSorted((a, b) => b.length - a.length);
      pattern = new RegExp(longestFirst.map(escape).join('|'), 'g');
      return true;
    },
  };
  for (const value of values) self.add(value);
  return self;
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_. ]/g, '');
}

function copy(value: unknown, redact: Redaction, above: Set<object>, depth: number): unknown {
  if (typeof value === 'string') return redact.text(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[too deep]';
  above.add(value);
  try {
    return copyObject(value, redact, above, depth);
  } catch (error) {
    return `[unreadable: ${error instanceof Error ? redact.text(error.message) : 'unknown'}]`;
  } finally {
    above.delete(value);
  }
}

function copyObject(value: object, redact: Redaction, above: Set<object>, depth: number): unknown {
  const inner = (item: unknown) => copy(item, redact, above, depth + 1);
  if (value instanceof Error) {
    const { name, message, stack, cause, ...rest } = Object.assign({ cause: undefined }, value, {
      name: value.name,
      message: value.message,
      stack: value.stack,
      ...('cause' in value ? { cause: value.cause } : {}),
      ...(value instanceof AggregateError ? { errors: value.errors } : {}),
    });
    return {
      name,
      message: inner(message),
      stack: inner(stack),
      ...entriesOf(rest, redact, inner),
      cause: inner(cause),
    };
  }
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map(inner);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return copy(Object.fromEntries(value), redact, above, depth);
  if (value instanceof Set) return [...value].slice(0, MAX_ENTRIES).map(inner);
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const json: unknown = value.toJSON();
    if (typeof json !== 'object' || json === null) return inner(json);
    return entriesOf(json, redact, inner);
  }
  return entriesOf(value, redact, inner);
}

function entriesOf(value: object, redact: Redaction, inner: (item: unknown) => unknown): Record<string, unknown> {
  const entries = Object.entries(value).slice(0, MAX_ENTRIES);
  return Object.fromEntries(entries.map(([name, item]) => [name, hides(redact, name, item) ? REDACTED : inner(item)]));
}

/** Nothing is no secret: that a password is missing may be said. */
function hides(redact: Redaction, name: string, item: unknown): boolean {
  return item !== undefined && item !== null && redact.isSecretName(name);
}
