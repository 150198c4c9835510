import type { Redaction } from './redaction.ts';
import { REDACTED } from './redaction.ts';
import type { Attributes, AttributeValue, SpanKind, SpanOptions } from './span.ts';

/** What spans that are opened with the same options have in common. */
export interface SpanShape {
  readonly name: string;
  readonly kind: SpanKind;
  /** Without secrets. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** How many attributes it has. */
  readonly size: number;
  /** Whether more spans will have this very shape, so that what is made of it is worth keeping. */
  readonly isLasting: boolean;
}

const MAX_ATTRIBUTES = 128;
const NO_ATTRIBUTES: Attributes = Object.freeze({});

/** Options that don't change, so a tracer reads them once. */
class ConstantSpan implements SpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;

  constructor({ name, kind, attributes = NO_ATTRIBUTES }: SpanOptions) {
    this.name = name;
    this.kind = kind;
    this.attributes = Object.freeze({ ...attributes });
    Object.freeze(this);
  }
}

/**
 * Options for the spans of something that happens again and again, such as an operation's calls: make them once and open
 * every span with the same object, which is then read and encoded only once.
 */
export function constantSpan(options: SpanOptions): SpanOptions {
  return new ConstantSpan(options);
}

/** The shape of spans that are opened with some options. */
export function spanShapes(redaction: Redaction): (options: SpanOptions) => SpanShape {
  let known = new WeakMap<ConstantSpan, SpanShape>();
  let secrets = redaction.secrets;
  return (options) => {
    if (!(options instanceof ConstantSpan)) return shapeOf(options, redaction, false);
    // A value that has become secret since must not be told any more.
    if (secrets !== redaction.secrets) {
      known = new WeakMap();
      secrets = redaction.secrets;
    }
    const ready = known.get(options);
    if (ready !== undefined) return ready;
    const made = shapeOf(options, redaction, true);
    known.set(options, made);
    return made;
  };
}

function shapeOf(options: SpanOptions, redaction: Redaction, isLasting: boolean): SpanShape {
  const given = options.attributes ?? NO_ATTRIBUTES;
  const attributes: Record<string, AttributeValue> = {};
  let size = 0;
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value === undefined || name === '__proto__' || size >= MAX_ATTRIBUTES) continue;
    attributes[name] = safe(redaction, name, value);
    size += 1;
  }
  return { name: options.name, kind: options.kind, attributes, size, isLasting };
}

/** The attribute's value without secrets. */
export function safe(redaction: Redaction, name: string, value: AttributeValue): AttributeValue {
  if (redaction.isSecretName(name)) return REDACTED;
  if (typeof value === 'string') return redaction.text(value);
  return Array.isArray(value) ? value.map((item) => redaction.text(item)) : value;
}
