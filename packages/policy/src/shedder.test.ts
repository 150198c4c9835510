import { seededRandom, type Criticality } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { resolveConcurrency, type ConcurrencySpec } from './concurrency-options.ts';
import { Problems } from './problems.ts';
import { Shedder } from './shedder.ts';
import { resolveShed, type ShedSpec } from './shed-options.ts';

function shedderOf(spec: ShedSpec = {}) {
  const problems = new Problems('shed');
  const options = resolveShed(spec, problems, resolveConcurrency({}, problems));
  expect(problems.found).toEqual([]);
  if (options === undefined) throw new Error('no section');
  const measured = { queueDelayMs: 0, loopDelayMs: 0 };
  const shedder = new Shedder(options, {
    random: seededRandom(1),
    queueDelayMs: () => measured.queueDelayMs,
    loopDelayMs: () => measured.loopDelayMs,
  });
  let nowMs = 0;
  /** Calls of each kind for so long, evenly; how many of each went on. */
  const run = (forMs: number, kinds: readonly Criticality[], each = 1) => {
    const went = { critical: 0, default: 0, sheddable: 0 };
    for (const endMs = nowMs + forMs; nowMs < endMs; nowMs += 1)
      for (const kind of kinds)
        for (let count = 0; count < each; count++) if (shedder.admits(kind, nowMs)) went[kind]++;
    return went;
  };
  return { shedder, measured, run, pause: (ms: number) => (nowMs += ms) };
}

describe('too much work', () => {
  test('is a queue that was too long for a whole interval', () => {
    const { shedder, measured, run } = shedderOf();
    measured.queueDelayMs = 30;
    run(101, ['default']);
    expect(shedder.inspect()).toMatchObject({ overloaded: true, queueDelayMs: 30, admittedRatio: 0.95 });
  });

  test('is not a burst: a queue that was short once in the interval', () => {
    const { shedder, measured, run } = shedderOf();
    measured.queueDelayMs = 30;
    run(50, ['default']);
    measured.queueDelayMs = 19;
    run(11, ['default']);
    measured.queueDelayMs = 30;
    run(40, ['default']);
    expect(shedder.inspect()).toMatchObject({ overloaded: false, queueDelayMs: 19, admittedRatio: 1 });
  });

  test('is an event loop that runs its timers too late', () => {
    const { shedder, measured, run } = shedderOf({ loopDelay: '40ms' });
    run(50, ['default']);
    measured.loopDelayMs = 41;
    run(51, ['default']);
    expect(shedder.inspect()).toMatchObject({ overloaded: true, loopDelayMs: 41, admittedRatio: 0.95 });
  });
});

describe('who is turned away', () => {
  test('nobody, while there is not too much', () => {
    const { run, shedder } = shedderOf();
    expect(run(1_000, ['critical', 'default', 'sheddable'])).toEqual({
      critical: 1_000,
      default: 1_000,
      sheddable: 1_000,
    });
    expect(shedder.retryAfterMs()).toBe(0);
  });

  test('the least critical first, the others only when those do not suffice', () => {
    const { shedder, measured, run } = shedderOf();
    measured.queueDelayMs = 30;
    // 0.95^8 = 0.66: what is to go is about all of the sheddable third.
    run(801, ['critical', 'default', 'sheddable']);
    expect(shedder.inspect().shedRatio).toEqual({ critical: 0, default: expect.closeTo(0.01, 2), sheddable: 1 });
    run(1_000, ['critical', 'default', 'sheddable']);
    expect(shedder.inspect().shedRatio).toEqual({ critical: 0, default: expect.closeTo(0.81, 2), sheddable: 1 });
    run(1_000, ['critical', 'default', 'sheddable']);
    expect(shedder.inspect().shedRatio).toEqual({ critical: expect.closeTo(0.29, 2), default: 1, sheddable: 1 });
  });

  test('a kind that rarely comes is not let in while a more critical one is turned away', () => {
    const { measured, run, shedder } = shedderOf();
    measured.queueDelayMs = 30;
    run(501, ['default']);
    expect(shedder.inspect().shedRatio.sheddable).toBe(1);
    expect(shedder.admits('sheddable', 501)).toBe(false);
    expect(shedder.admits('critical', 501)).toBe(true);
  });

  test('as many as the ratio says', () => {
    const { measured, run } = shedderOf({ step: '50%', max: '50%' });
    measured.queueDelayMs = 30;
    run(101, ['default']);
    const { default: went } = run(1_000, ['default'], 10);
    expect(went).toBeGreaterThan(4_800);
    expect(went).toBeLessThan(5_200);
  });

  test('never more than the most, so that it is noticed when it gets better', () => {
    const { measured, run, shedder } = shedderOf({ max: '80%' });
    measured.queueDelayMs = 30;
    run(20_000, ['critical']);
    expect(shedder.inspect().admittedRatio).toBeCloseTo(0.2);
    expect(shedder.inspect().shedRatio.critical).toBeCloseTo(0.8);
  });
});

describe('recovery', () => {
  test('a hundredth an interval, as long as retry-after says', () => {
    const { measured, run, shedder } = shedderOf();
    measured.queueDelayMs = 30;
    run(201, ['default']);
    measured.queueDelayMs = 0;
    const waitMs = shedder.retryAfterMs();
    expect(waitMs).toBe(1_000);
    run(waitMs, ['default']);
    expect(shedder.inspect()).toMatchObject({ admittedRatio: 1, shedRatio: { critical: 0, default: 0, sheddable: 0 } });
  });

  test('goes on while nobody comes', () => {
    const { measured, run, pause, shedder } = shedderOf();
    measured.queueDelayMs = 30;
    run(2_000, ['default']);
    measured.queueDelayMs = 0;
    expect(shedder.inspect().admittedRatio).toBeLessThan(0.5);
    pause(60_000);
    run(1, ['default']);
    expect(shedder.inspect().admittedRatio).toBe(1);
  });
});

test('counts what it decided', () => {
  const { measured, run, shedder } = shedderOf({ step: '90%' });
  measured.queueDelayMs = 30;
  const went = run(200, ['critical', 'sheddable']);
  const { admitted, shed } = shedder.inspect();
  expect(admitted).toEqual(went);
  expect(shed.sheddable).toBe(200 - went.sheddable);
});

describe('a specification that contradicts itself is told so', () => {
  test.each<[unknown, ConcurrencySpec | undefined, string[]]>([
    [{}, {}, []],
    [{}, undefined, []],
    [{ quueDelay: '5ms' }, {}, ['shed.quueDelay: no policy has this; did you mean queueDelay?']],
    [{ step: 5 }, {}, ["shed.step: 5 is no ratio; write a text with %, such as '5%'"]],
    [
      { max: '100%' },
      {},
      ["shed.max: '100%' would let in nobody who could notice that it got better; give less, such as '90%'"],
    ],
    [
      { queueDelay: '50ms' },
      {},
      ['shed.queueDelay: nobody waits for 50ms, as concurrency.wait is 50ms; give less, or a longer wait'],
    ],
    [
      { queueDelay: '5ms' },
      undefined,
      ['shed.queueDelay: there is no queue without concurrency; add it, or leave queueDelay out'],
    ],
  ])('%j with %j', (spec, concurrency, faults) => {
    const problems = new Problems('shed');
    resolveShed(spec, problems, resolveConcurrency(concurrency, problems));
    expect(problems.found).toEqual(faults);
  });

  test('what is left out gives the documented defaults', () => {
    expect(resolveShed({}, new Problems(), undefined)).toEqual({
      queueDelayMs: 20,
      loopDelayMs: 50,
      intervalMs: 100,
      step: 0.05,
      recovery: 0.01,
      max: 0.9,
    });
    expect(resolveShed(undefined, new Problems(), undefined)).toBeUndefined();
  });
});
