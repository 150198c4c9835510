/** A value of OTLP JSON, such as `{ "stringValue": "orders" }`. */
export interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly [other: string]: unknown;
}

/** A named value. */
export interface OtlpAttribute {
  readonly key: string;
  readonly value?: OtlpValue;
}

/** A span as OTLP JSON has it; only what is read here is named, everything else is kept as it came. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly kind?: number | string;
  readonly startTimeUnixNano?: string | number;
  readonly endTimeUnixNano?: string | number;
  readonly attributes?: readonly OtlpAttribute[];
  readonly status?: { readonly code?: number | string; readonly message?: string };
  readonly [other: string]: unknown;
}

/** Who recorded spans. */
export interface OtlpResource {
  readonly attributes?: readonly OtlpAttribute[];
  readonly [other: string]: unknown;
}

/** Spans of one instrumentation scope. */
export interface OtlpScopeSpans {
  readonly scope?: Readonly<Record<string, unknown>>;
  readonly spans: readonly OtlpSpan[];
}

/** Spans of one resource. */
export interface OtlpResourceSpans {
  readonly resource?: OtlpResource;
  readonly scopeSpans: readonly OtlpScopeSpans[];
}

/** What `POST /v1/traces` takes, and what a trace is answered as. */
export interface OtlpTraces {
  readonly resourceSpans: readonly OtlpResourceSpans[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Whether a value is a span that can be kept: its ids are well-formed. */
export function isSpan(value: unknown): value is OtlpSpan {
  return (
    isObject(value) &&
    typeof value['traceId'] === 'string' &&
    /^[0-9a-f]{32}$/i.test(value['traceId']) &&
    typeof value['spanId'] === 'string' &&
    /^[0-9a-f]{16}$/i.test(value['spanId'])
  );
}

/** A span with where it came from. */
export interface RecordedSpan {
  readonly resource: OtlpResource | undefined;
  readonly scope: Readonly<Record<string, unknown>> | undefined;
  readonly span: OtlpSpan;
}

/**
 * The spans of an export request, and how many entries are none. `undefined` when the body is no export request at all.
 */
export function readExport(
  body: unknown,
):
  | { readonly spans: readonly RecordedSpan[]; readonly rejected: number; readonly resourceSpans: readonly unknown[] }
  | undefined {
  if (!isObject(body) || !Array.isArray(body['resourceSpans'])) return undefined;
  const spans: RecordedSpan[] = [];
  let rejected = 0;
  for (const ofResource of list(body['resourceSpans'])) {
    if (!isObject(ofResource)) continue;
    const resource = isObject(ofResource['resource']) ? ofResource['resource'] : undefined;
    for (const ofScope of list(ofResource['scopeSpans'])) {
      if (!isObject(ofScope)) continue;
      const scope = isObject(ofScope['scope']) ? ofScope['scope'] : undefined;
      for (const span of list(ofScope['spans'])) {
        if (isSpan(span)) spans.push({ resource, scope, span });
        else rejected += 1;
      }
    }
  }
  return { spans, rejected, resourceSpans: list(body['resourceSpans']) };
}

/** Puts spans back into OTLP's shape: by resource, then by scope, in the order in which they came. */
export function toOtlp(recorded: readonly RecordedSpan[]): OtlpTraces {
  const byResource = new Map<string, { resource: OtlpResource | undefined; scopes: Map<string, RecordedSpan[]> }>();
  for (const entry of recorded) {
    const resourceKey = JSON.stringify(entry.resource) ?? '';
    const ofResource = byResource.get(resourceKey) ?? {
      resource: entry.resource,
      scopes: new Map<string, RecordedSpan[]>(),
    };
    byResource.set(resourceKey, ofResource);
    const scopeKey = JSON.stringify(entry.scope) ?? '';
    const ofScope = ofResource.scopes.get(scopeKey) ?? [];
    ofResource.scopes.set(scopeKey, ofScope);
    ofScope.push(entry);
  }
  return {
    resourceSpans: [...byResource.values()].map(({ resource, scopes }) => ({
      ...(resource === undefined ? {} : { resource }),
      scopeSpans: [...scopes.values()].map((entries) => ({
        ...(entries[0]?.scope === undefined ? {} : { scope: entries[0].scope }),
        spans: entries.map(({ span }) => span),
      })),
    })),
  };
}

/** A text attribute; `undefined` when it is missing or not text. */
export function textOf(attributes: readonly OtlpAttribute[] | undefined, key: string): string | undefined {
  const value = Array.isArray(attributes) ? attributes.find((attribute) => attribute?.key === key)?.value : undefined;
  return typeof value?.stringValue === 'string' ? value.stringValue : undefined;
}

/** Nanoseconds since the epoch, as OTLP writes them; 0n when they can't be read. */
export function nanosOf(value: string | number | undefined): bigint {
  try {
    return value === undefined ? 0n : BigInt(value);
  } catch {
    return 0n;
  }
}
