/** The environment of a service that records every trace and writes every access line. */
export const EVERYTHING = { OTEL_TRACES_SAMPLER: 'always_on', FAIRLEAD_ACCESS_LINES: 'everything' } as const;
