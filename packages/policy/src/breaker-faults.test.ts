import { describe, expect, test } from 'vitest';
import { Driven, RESILIENCE4J } from './driven-breaker.fixture.ts';
import { FAILURE, SUCCESS } from './outcome.ts';

describe('as the tests of gobreaker have it', () => {
  test('consecutive failures: a window of six calls that must all have failed', () => {
    const driven = new Driven({ window: 6, failureRatio: '100%', openFor: '60s', openJitter: '0%', probes: 1 });
    driven.calls(5, FAILURE);
    driven.calls(1, SUCCESS);
    driven.calls(5, FAILURE);
    expect(driven.state.state).toBe('closed');
    driven.calls(1, FAILURE);
    expect(driven.state.state).toBe('open');
    driven.nowMs = 59_999;
    expect(driven.acquire()).toBe(-1);
    driven.nowMs = 60_000;
    driven.calls(1, FAILURE);
    expect(driven.state.state).toBe('open');
    driven.nowMs = 200_000;
    driven.calls(1, SUCCESS);
    expect(driven.state.state).toBe('closed');
  });

  test('the result of a call that began in an older generation is dropped, and its success closes nothing', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 3 });
    const old = driven.acquire();
    driven.toOpen();
    driven.nowMs = 5_000;
    const { generation } = driven.state;
    driven.calls(1, SUCCESS);
    driven.record(old, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'half-open', generation, measured: { calls: 1 }, counts: { late: 1 } });
    driven.calls(1, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'closed', generation: generation + 1 });
  });
});

describe('faults of others', () => {
  test('a failure that began while it was closed does not reopen it half-open, nor is a good probe ignored then', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 1 });
    const old = driven.acquire();
    driven.toOpen();
    driven.nowMs = 5_000;
    const probe = driven.acquire();
    driven.record(old, FAILURE);
    expect(driven.state.state).toBe('half-open');
    driven.record(probe, SUCCESS);
    expect(driven.state.state).toBe('closed');
  });

  test('a success that began while it was closed does not close it, open or half-open', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 1 });
    const old = [driven.acquire(), driven.acquire()];
    driven.toOpen();
    driven.record(old[0]!, SUCCESS);
    expect(driven.state.state).toBe('open');
    driven.nowMs = 5_000;
    const probe = driven.acquire();
    driven.record(old[1]!, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'half-open', probes: { out: 1, free: 0 } });
    driven.record(probe, FAILURE);
    expect(driven.state.state).toBe('open');
  });

  test('late results, however many, leave it able to end half-open', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 2 });
    const old = Array.from({ length: 10 }, () => driven.acquire());
    driven.toOpen();
    driven.nowMs = 5_000;
    for (const permit of old) driven.record(permit, SUCCESS);
    driven.calls(2, SUCCESS);
    expect(driven.state.state).toBe('closed');
  });

  test('a probe of an earlier half-open time is late in the next one', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 2 }).toOpen();
    driven.nowMs = 5_000;
    const [first, second] = [driven.acquire(), driven.acquire()];
    driven.record(first, FAILURE);
    driven.nowMs = 10_000;
    const [third] = [driven.acquire(), driven.acquire()];
    driven.record(second, FAILURE);
    expect(driven.state.state).toBe('half-open');
    driven.record(third, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'half-open', measured: { calls: 1 }, counts: { late: 1 } });
  });

  test('one hung probe of five does not keep it half-open: the others decide, and the lease if they can not', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 5, failureRatio: '40%' }).toHalfOpen();
    const hung = driven.acquire();
    driven.calls(3, SUCCESS);
    driven.calls(1, FAILURE);
    // Four settled, and the fifth decides between one and two of five.
    expect(driven.state.state).toBe('half-open');
    expect(driven.acquire()).toBe(-1);
    expect(driven.breaker.retryAfterMs(400)).toBe(600);
    driven.nowMs = 1_000;
    expect(driven.acquire()).toBe(-1);
    expect(driven.state).toMatchObject({ state: 'open', cause: 'lease', counts: { leasesEnded: 1 } });
    driven.record(hung, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'open', counts: { late: 1 } });
  });

  test('a probe reported after its lease counts once, as failed', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 3 }).toHalfOpen();
    const slow = driven.acquire();
    driven.nowMs = 1_500;
    driven.record(slow, SUCCESS);
    expect(driven.state).toMatchObject({
      state: 'half-open',
      measured: { calls: 1, failures: 1 },
      counts: { late: 1 },
    });
  });

  test('a permit recorded twice counts once', () => {
    const driven = new Driven().toHalfOpen();
    const permit = driven.acquire();
    driven.record(permit, FAILURE);
    driven.record(permit, FAILURE);
    expect(driven.state).toMatchObject({ state: 'half-open', measured: { calls: 1 }, counts: { late: 1 } });
  });

  test('each probe has a lease of its own, and one that ended was slow too', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 3, failureRatio: 'off' }).toHalfOpen();
    driven.acquire();
    driven.nowMs = 500;
    driven.acquire();
    driven.nowMs = 1_400;
    expect(driven.state).toMatchObject({ state: 'half-open', probes: { out: 1, free: 1 }, counts: { leasesEnded: 1 } });
    driven.nowMs = 1_500;
    expect(driven.state).toMatchObject({ state: 'open', cause: 'lease', counts: { leasesEnded: 2 } });
  });

  test('leases that ended while nobody asked count from when they ended: the first call after is a probe again', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 1 }).toHalfOpen();
    driven.acquire();
    driven.nowMs = 1_000_000;
    expect(driven.acquire()).toBeGreaterThanOrEqual(0);
    expect(driven.told.map(({ to, atMs }) => [to, atMs]).slice(-2)).toEqual([
      ['open', 1_000],
      ['half-open', 6_000],
    ]);
  });

  test('nine failures a minute ago open nothing', () => {
    const driven = new Driven({ window: '5s', minCalls: 10, failureRatio: '50%' });
    driven.calls(9, FAILURE);
    driven.nowMs = 60_000;
    driven.calls(1, FAILURE);
    expect(driven.state).toMatchObject({ state: 'closed', measured: { calls: 1 } });
  });

  test('the first failure alone opens nothing, and refused calls are no calls', () => {
    const driven = new Driven({ minCalls: 10, failureRatio: '50%' });
    driven.calls(9, FAILURE);
    expect(driven.state.state).toBe('closed');
    driven.force('open');
    for (let call = 0; call < 100; call++) driven.call(SUCCESS);
    expect(driven.state.measured.calls).toBe(0);
  });
});
