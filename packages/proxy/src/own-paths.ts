import type { LocalAnswer, PassageFacts } from './engine/filter.ts';

/** Whether a gateway serves requests. */
export type Health = 'ok' | 'draining' | 'no-keys';

const OWN = /^\/(?:-|%2d)(?:\/|$)/i;

/** Answers `GET /-/health/live` and `/-/health/ready`, and that there is nothing else below `/-`, where no route can be. */
export function ownPath({ path }: PassageFacts, health: () => Health): LocalAnswer | undefined {
  if (!OWN.test(path)) return undefined;
  if (path === '/-/health/live') return healthAnswer('ok');
  if (path === '/-/health/ready') return healthAnswer(health());
  return { status: 404, cause: 'NO_ROUTE', detail: `There is no route for ${path}.` };
}

function healthAnswer(status: Health): LocalAnswer {
  return {
    status: status === 'ok' ? 200 : 503,
    cause: status,
    detail: '',
    fields: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({ status }),
  };
}
