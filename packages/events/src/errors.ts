import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const EVENTS_ERRORS = {
  /** An option is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
  /** The id of a decider's stream is empty, too long, or holds what the database can't keep. */
  STREAM_INVALID: 'invalid',
  /** A command found its stream changed each time that it was tried. */
  STREAM_CONFLICT: 'conflict',
  /** Events that make up the state were trimmed from the log, and there is no snapshot to begin at. */
  STREAM_TRIMMED: 'internal',
  /** Events are sealed, and no seal was given or the keys of their tenant were destroyed. */
  STREAM_SEALED: 'internal',
  /** A stream holds an event of a type that its decider doesn't know and isn't told to ignore. */
  EVENT_TYPE_UNKNOWN: 'internal',
  /** A stream holds an event of a newer schema than this code has. */
  EVENT_TOO_NEW: 'unavailable',
  /** There is no upcaster for an event of an older schema, or it threw or answered nothing. */
  UPCASTER_FAILED: 'internal',
  /** `evolve` threw or answered nothing. */
  EVOLVE_FAILED: 'internal',
  /** `decide` answered neither events of the decider nor a rejection. */
  DECISION_INVALID: 'internal',
  /** A saga can't be started, signalled or recorded so: not JSON, a bad name, an input that does not fit. */
  SAGA_INVALID: 'invalid',
  /** An input, result or signal of a saga is larger than its `maxPayloadBytes`. */
  SAGA_TOO_LARGE: 'too-large',
  /** There is no such run of a saga, or no more. */
  SAGA_UNKNOWN: 'not-found',
  /** The run was cancelled: what its function waits for fails with this. */
  SAGA_CANCELLED: 'cancelled',
  /** Another process has the run by now, or an operator has changed it: what was under way is undone or repeated. */
  SAGA_LOST: 'conflict',
  /** A child can't be begun: its id is taken by a run with another parent or input. */
  SAGA_CHILD_CONFLICT: 'conflict',
  /** A run is parked: its code does not come to what its journal has. */
  SAGA_DIVERGED: 'conflict',
  /** A run is parked: its function waits for something that is not from its `s`. */
  SAGA_FOREIGN_WAIT: 'internal',
  /** A run is parked: it has asked for more than `maxSteps`. */
  SAGA_TOO_LONG: 'internal',
  /** A run is parked: it goes round and round without a step. */
  SAGA_LOOPS: 'internal',
  /** A run is parked: process after process has ended while it had it. */
  SAGA_POISON: 'internal',
  /** A view was read before the service had started. */
  VIEW_NOT_STARTED: 'unavailable',
  /** A view can't be rebuilt now: it is being built, or what was replaced has not been cleared away. */
  VIEW_BUSY: 'conflict',
  /** A view can't be built from the beginning, which was trimmed from the log. */
  VIEW_TRIMMED: 'conflict',
  /** The service has no view of this name. */
  VIEW_UNKNOWN: 'not-found',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(EVENTS_ERRORS);
