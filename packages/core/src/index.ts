// context.ts           what crosses every boundary; create-context.ts makes one, scope.ts is its life and end
// context-headers.ts   a Context as HTTP headers; traceparent.ts and baggage.ts are the W3C parts of it
// clock.ts random.ts   the ports; real-clock.ts, virtual-clock.ts, real-random.ts, seeded-random.ts implement them
// real-loop-delay.ts   how late the event loop is
// ports.ts             how calls leave a service
// quantity.ts          times and sizes as people write them
// id.ts step-key.ts    ids, and idempotency keys derived from the caller's
// errors.ts problem.ts codes and kinds; their form as problem documents
// closeable.ts lifecycle.ts  how things end, and start and end in order
// backoff.ts nearest.ts      delays between attempts; "did you mean"
// on-demand.ts         modules of Node without what importing them costs
// slots.ts             what comes and goes with every request; due-heap.ts what is due, the earliest first
// stable-hash.ts deep-freeze.ts  configurations: the same for any order of keys, and never changed
export { backoff } from './backoff.ts';
export type { Backoff, BackoffOptions } from './backoff.ts';
export { formatBaggage, parseBaggage } from './baggage.ts';
export type { Clock, Timer } from './clock.ts';
export type { Closeable, CloseOptions } from './closeable.ts';
export { contextFromHeaders, contextToHeaders, HEADERS, parseIdempotencyKey } from './context-headers.ts';
export type { ContextFromHeadersOptions, ContextToHeadersOptions, IncomingHeaders } from './context-headers.ts';
export type { Caller, Context, ContextChanges, Criticality, ScopedContext } from './context.ts';
export { continueFrom, createContext } from './create-context.ts';
export type { ContextOrigin, ContinueOptions, CreateContextOptions } from './create-context.ts';
export { deepFreeze } from './deep-freeze.ts';
export { DueHeap, NOWHERE } from './due-heap.ts';
export type { Due } from './due-heap.ts';
export { CORE_ERRORS, FairleadError, isError, thrower } from './errors.ts';
export type { ErrorKind, ErrorOptions, ErrorTable } from './errors.ts';
export { newSpanId, newTraceId, uuidV7 } from './id.ts';
export { lifecycle } from './lifecycle.ts';
export type { Lifecycle, LifecyclePart } from './lifecycle.ts';
export { nearest } from './nearest.ts';
export { onDemand } from './on-demand.ts';
export type { Transport, TransportRequest, TransportResponse } from './ports.ts';
export { errorFromProblem, kindOfStatus, PROBLEM_CONTENT_TYPE, statusOf, toProblem } from './problem.ts';
export type { Problem, ToProblemOptions } from './problem.ts';
export { parseDuration, parseSize } from './quantity.ts';
export type { Random } from './random.ts';
export { realClock } from './real-clock.ts';
export { realLoopDelay } from './real-loop-delay.ts';
export type { LoopDelay } from './real-loop-delay.ts';
export { realRandom } from './real-random.ts';
export { realTurn } from './real-turn.ts';
export { seededRandom } from './seeded-random.ts';
export type { SeededRandom } from './seeded-random.ts';
export { Slots } from './slots.ts';
export { stableHash } from './stable-hash.ts';
export { stepKey } from './step-key.ts';
export type { TraceContext } from './trace-context.ts';
export { formatTraceparent, parseTraceparent } from './traceparent.ts';
export { virtualClock } from './virtual-clock.ts';
export type { OwnedClock, TimerRun, VirtualClock, VirtualClockOptions } from './virtual-clock.ts';
