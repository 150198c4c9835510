import type { AttemptOutcome, ResponseHead } from '@fairlead/net';

/** What attempts that brought no answer are counted under. */
export const FAILURES: Readonly<Record<AttemptOutcome, string>> = {
  ok: 'ok',
  'turned-away': 'ok',
  'server-error': 'ok',
  'gateway-error': 'ok',
  'connect-failed': 'UPSTREAM_UNAVAILABLE',
  reset: 'UPSTREAM_RESET',
  timeout: 'UPSTREAM_TIMEOUT',
  cancelled: 'CANCELLED',
};

/** How an endpoint did, by its answer. */
export function outcomeOf(head: ResponseHead): AttemptOutcome {
  const { status } = head;
  if (status < 500) return status === 429 ? 'turned-away' : 'ok';
  if (status === 503 && head.fields.get('retry-after') !== undefined) return 'turned-away';
  return status >= 502 && status <= 504 ? 'gateway-error' : 'server-error';
}
