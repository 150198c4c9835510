/** A change that somebody with the admin credential has made. */
export interface AuditEntry {
  readonly action:
    | 'dead-letter.redrive'
    | 'dead-letter.discard'
    | 'job.cancel'
    | 'job.redrive'
    | 'job.discard'
    | 'queue.pause'
    | 'queue.resume'
    | 'operation.call'
    | 'token.create'
    | 'view.rebuild'
    | 'saga.cancel'
    | 'saga.retry'
    | 'saga.skip'
    | 'saga.resolve'
    | 'saga.signal';
  /** The service that was changed or called; `undefined` when the platform was. */
  readonly service?: string;
  /** What of it: an id, an operation. */
  readonly target: string;
  /** Further facts; never a secret, never the content of a call. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Where changes are written down. Must not throw. */
export type Audit = (entry: AuditEntry) => void;

const DONE: Readonly<Record<AuditEntry['action'], string>> = {
  'dead-letter.redrive': 'Dead letter redriven',
  'dead-letter.discard': 'Dead letter discarded',
  'job.cancel': 'Job cancelled',
  'job.redrive': 'Dead jobs redriven',
  'job.discard': 'Dead jobs discarded',
  'queue.pause': 'Queue paused',
  'queue.resume': 'Queue resumed',
  'view.rebuild': 'Rebuild of a view begun',
  'saga.cancel': 'Saga cancelled',
  'saga.retry': 'Saga let go on',
  'saga.skip': 'Step of a saga skipped',
  'saga.resolve': 'Saga resolved by hand',
  'saga.signal': 'Signal sent to a saga',
  'operation.call': 'Operation called by an administrator',
  'token.create': 'Development token signed',
};

/** An entry as a line of the control plane's log. */
export function auditLine(entry: AuditEntry, nowMs: number): string {
  const { action, service, target, details } = entry;
  return JSON.stringify({
    time: new Date(nowMs).toISOString(),
    level: 'info',
    service: 'control',
    msg: DONE[action],
    audit: { action, ...(service === undefined ? {} : { service }), target, ...details },
  });
}
