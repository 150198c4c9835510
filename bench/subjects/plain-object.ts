// The same facts with nothing behind them: no abort, no checks, ids that anybody could guess. What is left of the
// difference is what a Context costs.

import { printMeasurement } from './measurement.ts';
import { nanosecondsPerCall } from './nanoseconds.ts';

interface Plain {
  readonly traceId: string;
  readonly spanId: string;
  readonly tenant: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly idempotencyKey: string;
  readonly deadline: number;
  readonly baggage: Readonly<Record<string, string>>;
}

const root = makeRoot();
const headers = encode(root);

printMeasurement({
  root: nanosecondsPerCall(makeRoot),
  derive: nanosecondsPerCall(() => ({ ...root, tenant: 'globex' })),
  scope: nanosecondsPerCall(() => {
    const timer = setTimeout(() => {}, 1_000);
    const scope = { ...root, deadline: Math.min(root.deadline, Date.now() + 1_000) };
    clearTimeout(timer);
    return scope.deadline;
  }),
  'encode-headers': nanosecondsPerCall(() => encode(root)),
  'decode-headers': nanosecondsPerCall(() => decode(headers)),
});

function makeRoot(): Plain {
  return {
    traceId: hex(32),
    spanId: hex(16),
    tenant: 'acme',
    subject: 'ada',
    roles: ['support'],
    idempotencyKey: 'order-1',
    deadline: Date.now() + 60_000,
    baggage: { canary: 'on' },
  };
}

function hex(length: number): string {
  let text = '';
  while (text.length < length)
    text += Math.floor(Math.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return text;
}

function encode(plain: Plain): Record<string, string> {
  return {
    traceparent: `00-${plain.traceId}-${plain.spanId}-01`,
    'x-fairlead-tenant': plain.tenant,
    'x-fairlead-subject': plain.subject,
    'x-fairlead-roles': plain.roles.join(','),
    'x-fairlead-timeout-ms': String(plain.deadline - Date.now()),
    'idempotency-key': plain.idempotencyKey,
    baggage: Object.entries(plain.baggage)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  };
}

function decode(from: Record<string, string>): Plain {
  const [, traceId = '', spanId = ''] = (from['traceparent'] ?? '').split('-');
  return {
    traceId,
    spanId,
    tenant: from['x-fairlead-tenant'] ?? '',
    subject: from['x-fairlead-subject'] ?? '',
    roles: (from['x-fairlead-roles'] ?? '').split(','),
    idempotencyKey: from['idempotency-key'] ?? '',
    deadline: Date.now() + Number(from['x-fairlead-timeout-ms']),
    baggage: Object.fromEntries((from['baggage'] ?? '').split(',').map((each) => each.split('=') as [string, string])),
  };
}
