import { expect, test } from 'vitest';
import { samplingEnvironment } from './sampling-environment.ts';

test.each([
  [undefined, undefined, undefined],
  ['', '', undefined],
  ['always_on', undefined, { keep: 'everything', followCaller: false }],
  ['parentbased_always_on', undefined, { keep: 'everything', followCaller: true }],
  ['always_off', '7', { keep: 'nothing', followCaller: false }],
  ['parentbased_always_off', undefined, { keep: 'nothing', followCaller: true }],
  ['traceidratio', '0.25', { keep: { ratio: 0.25 }, followCaller: false }],
  ['ParentBased_TraceIdRatio', undefined, { keep: { ratio: 1 }, followCaller: true }],
  ['parentbased_ratelimiting', '20', { keep: { perSecond: 20 }, followCaller: true }],
  ['ratelimiting', undefined, { keep: { perSecond: 100 }, followCaller: false }],
])('OTEL_TRACES_SAMPLER=%s with %s', (named, argument, traces) => {
  const env = { OTEL_TRACES_SAMPLER: named, OTEL_TRACES_SAMPLER_ARG: argument };
  expect(samplingEnvironment(env).traces).toEqual(traces);
});

test.each([
  [{ OTEL_TRACES_SAMPLER: 'alwayson' }, 'OTEL_TRACES_SAMPLER is "alwayson". Did you mean "always_on"?'],
  [{ OTEL_TRACES_SAMPLER: 'xray' }, 'It may be: parentbased_always_on, always_on, parentbased_always_off'],
  [{ OTEL_TRACES_SAMPLER: 'toString' }, 'OTEL_TRACES_SAMPLER is "toString"'],
  [
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
    'OTEL_TRACES_SAMPLER_ARG is "2"; give a number from 0 to 1',
  ],
  [
    { OTEL_TRACES_SAMPLER: 'parentbased_ratelimiting', OTEL_TRACES_SAMPLER_ARG: 'many' },
    'OTEL_TRACES_SAMPLER_ARG is "many"; give a number of 0 or more',
  ],
  [{ FAIRLEAD_ACCESS_LINES: 'everthing' }, 'FAIRLEAD_ACCESS_LINES is "everthing". Did you mean "everything"?'],
])('%o is refused', (env, message) => {
  expect(() => samplingEnvironment(env)).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
  expect(() => samplingEnvironment(env)).toThrow(message);
});

test('access lines are thinned unless everything is asked for', () => {
  expect(samplingEnvironment({}).accessLines).toBeUndefined();
  expect(samplingEnvironment({ FAIRLEAD_ACCESS_LINES: 'thinned' }).accessLines).toBeUndefined();
  expect(samplingEnvironment({ FAIRLEAD_ACCESS_LINES: 'Everything' }).accessLines).toBe('everything');
});
