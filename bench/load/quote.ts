/** What every server of the `service` and `call` benches is asked, and what it answers. */
export interface QuoteRequest {
  readonly customer: string;
  readonly currency: 'EUR' | 'USD' | 'GBP';
  readonly express: boolean;
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitCents: number }[];
}

/** The answer to a `QuoteRequest`. */
export interface Quote {
  readonly customer: string;
  readonly currency: 'EUR' | 'USD' | 'GBP';
  readonly totalCents: number;
  readonly lines: { readonly sku: string; readonly cents: number }[];
}

/** The work itself, the same for every server. */
export function quoteOf(request: QuoteRequest): Quote {
  const lines = request.lines.map(({ sku, quantity, unitCents }) => ({ sku, cents: quantity * unitCents }));
  const cents = lines.reduce((sum, line) => sum + line.cents, 0);
  return {
    customer: request.customer,
    currency: request.currency,
    totalCents: request.express ? cents + 990 : cents,
    lines,
  };
}

/** A request that every server accepts. */
export const QUOTE_REQUEST: QuoteRequest = {
  customer: 'c-7f3a90',
  currency: 'EUR',
  express: true,
  lines: [
    { sku: 'anvil-12', quantity: 2, unitCents: 12_900 },
    { sku: 'rope-30m', quantity: 1, unitCents: 3_450 },
    { sku: 'feather-xs', quantity: 12, unitCents: 75 },
  ],
};

/** The request as JSON Schema, for servers that validate with it. */
export const REQUEST_SCHEMA = {
  type: 'object',
  required: ['customer', 'currency', 'express', 'lines'],
  additionalProperties: false,
  properties: {
    customer: { type: 'string', minLength: 1, maxLength: 64 },
    currency: { type: 'string', enum: ['EUR', 'USD', 'GBP'] },
    express: { type: 'boolean' },
    lines: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        required: ['sku', 'quantity', 'unitCents'],
        additionalProperties: false,
        properties: {
          sku: { type: 'string', minLength: 1, maxLength: 40 },
          quantity: { type: 'integer', minimum: 1, maximum: 1000 },
          unitCents: { type: 'integer', minimum: 0, maximum: 10_000_000 },
        },
      },
    },
  },
} as const;

/** The answer as JSON Schema. */
export const ANSWER_SCHEMA = {
  type: 'object',
  required: ['customer', 'currency', 'totalCents', 'lines'],
  properties: {
    customer: { type: 'string' },
    currency: { type: 'string' },
    totalCents: { type: 'integer' },
    lines: {
      type: 'array',
      items: {
        type: 'object',
        required: ['sku', 'cents'],
        properties: { sku: { type: 'string' }, cents: { type: 'integer' } },
      },
    },
  },
} as const;
