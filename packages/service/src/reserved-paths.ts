/** Paths that every service answers itself, besides its contract. */
export const RESERVED_PATHS = {
  live: '/health/live',
  ready: '/health/ready',
  metrics: '/metrics',
  openapi: '/internal/openapi',
  policies: '/internal/policies',
  events: '/internal/events',
  deadLetters: '/internal/dead-letters',
  deadLetter: '/internal/dead-letters/{id}',
  redrive: '/internal/dead-letters/{id}/redrive',
  discard: '/internal/dead-letters/{id}/discard',
  views: '/internal/views',
  rebuildView: '/internal/views/{name}/rebuild',
  sagas: '/internal/sagas',
  saga: '/internal/sagas/{saga}/{id}',
  cancelSaga: '/internal/sagas/{saga}/{id}/cancel',
  retrySaga: '/internal/sagas/{saga}/{id}/retry',
  skipSaga: '/internal/sagas/{saga}/{id}/skip',
  resolveSaga: '/internal/sagas/{saga}/{id}/resolve',
  signalSaga: '/internal/sagas/{saga}/{id}/signal',
  queues: '/internal/queues',
  pauseQueue: '/internal/queues/{name}/pause',
  resumeQueue: '/internal/queues/{name}/resume',
  jobs: '/internal/jobs',
  job: '/internal/jobs/{id}',
  cancelJob: '/internal/jobs/{id}/cancel',
  redriveJobs: '/internal/dead-jobs/redrive',
  discardJobs: '/internal/dead-jobs/discard',
} as const;

const shapeOf = (path: string): string => path.replaceAll(/\{\w+\}/g, '{}');

/** Whether a contract's path is one that the service answers itself, whatever its members are called. */
export function isReserved(path: string): boolean {
  return Object.values(RESERVED_PATHS).some((reserved) => shapeOf(reserved) === shapeOf(path));
}
