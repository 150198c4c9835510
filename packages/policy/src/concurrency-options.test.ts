import { describe, expect, test } from 'vitest';
import { resolveConcurrency } from './concurrency-options.ts';
import { Problems } from './problems.ts';

describe('a specification that contradicts itself is told so', () => {
  test.each<[unknown, string[]]>([
    [{}, []],
    [{ limit: 0 }, ['concurrency.limit: 0 is out of range; give from 1 to 65536']],
    [{ limt: 3 }, ['concurrency.limt: no policy has this; did you mean limit?']],
    [
      { queue: 0, wait: '1s' },
      ['concurrency.wait: nobody can wait while concurrency.queue is 0; leave wait out, or give a queue'],
    ],
    [
      { queue: 3, wait: '0ms' },
      ["concurrency.wait: '0ms' lets nobody wait, so a queue of 3 stays empty; give a wait, or a queue of 0"],
    ],
    [
      { queue: 0, fair: {} },
      ['concurrency.fair: there is nothing to share while concurrency.queue is 0; leave fair out, or give a queue'],
    ],
    [
      { fair: { cap: 50, weights: { a: 0 }, shards: { queues: 4, hand: 3 } } },
      [
        "concurrency.fair.cap: 50 is no ratio; write a text with %, such as '50%'",
        'concurrency.fair.weights.a: 0 is no weight; give a number above 0',
        'concurrency.fair.shards.hand: 3 of 4 queues would make all hands alike; give at most 2, or more queues',
      ],
    ],
    [
      { fair: { cap: '0%' } },
      ["concurrency.fair.cap: '0%' would let nobody in; give more, such as '50%', or leave it out"],
    ],
    [{ fair: { weights: 3 } }, ['concurrency.fair.weights: 3 is no object; write { name: weight }']],
    [
      { adaptive: { max: 10 } },
      ['concurrency.adaptive: the limit begins at 20, outside 4 to 10; give a limit in between'],
    ],
  ])('%j', (spec, faults) => {
    const problems = new Problems('concurrency');
    resolveConcurrency(spec, problems);
    expect(problems.found).toEqual(faults);
  });

  test('what is left out gives the documented defaults', () => {
    expect(resolveConcurrency({ adaptive: {}, fair: { shards: {} } }, new Problems())).toEqual({
      limit: 20,
      queue: undefined,
      waitMs: 50,
      slotsByCost: false,
      adaptive: {
        algorithm: 'gradient2',
        initial: 20,
        min: 4,
        max: 1_000,
        windowMs: 100,
        samples: 10,
        smoothing: 0.2,
        queueSize: 4,
        tolerance: 1.5,
        longWindow: 6_000,
      },
      fair: {
        by: 'tenant',
        weights: new Map(),
        cap: 1,
        reserve: 0.05,
        queueTotal: undefined,
        shards: { queues: 64, hand: 8 },
      },
    });
    expect(resolveConcurrency(undefined, new Problems())).toBeUndefined();
  });
});
