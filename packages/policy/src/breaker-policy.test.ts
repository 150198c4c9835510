import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { explain } from './explain.ts';
import type { PolicyEvent } from './observe.ts';
import { policy } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

const EAGER = { minCalls: 4, openFor: '5s', openJitter: '0%', probes: 2 } as const;

function world(spec: PolicySpec, code: PolicyCode = {}) {
  const clock = virtualClock();
  const random = seededRandom('breaker');
  const events: PolicyEvent[] = [];
  const guarded = policy('billing', spec, { clock, random, observe: (event) => events.push(event) }, code);
  const ctx = createContext({ clock, random });
  const calls = async (times: number, work: (ctx: Context) => unknown) => {
    for (let call = 0; call < times; call++) await guarded.attempt(ctx, work);
  };
  return { clock, random, events, guarded, ctx, calls, breaker: () => guarded.inspect().breaker! };
}

const away = () => Promise.reject(new FairleadError('unavailable', 'UNAVAILABLE', 'away'));
const hanging = () => new Promise<never>(() => {});

async function rejectionOf(guarded: ReturnType<typeof policy>, ctx: Context): Promise<Rejection | undefined> {
  const decision = await guarded.attempt(ctx, () => 'called');
  return decision.kind === 'rejected' ? decision.rejection : undefined;
}

describe('a policy with a breaker', () => {
  test('opens while whom it calls fails, says why and until when, and closes when it has recovered', async () => {
    const { clock, events, guarded, ctx, calls, breaker } = world({ breaker: EAGER });
    await calls(4, away);
    const rejection = await rejectionOf(guarded, ctx);
    expect(rejection).toEqual({
      cause: 'open',
      policy: 'billing',
      rule: 'breaker',
      measured: { state: 'open', because: 'failure-ratio', calls: 4, failureRatio: 1, slowRatio: 0 },
      retryAfterMs: 5_000,
    });
    expect(explain(rejection!)).toBe(
      'billing: the breaker is open, by breaker (state open, because failure-ratio, calls 4, failureRatio 1, slowRatio 0). Try again in 5s.',
    );
    await expect(guarded.run(ctx, () => 'called')).rejects.toMatchObject({ code: 'REJECTED', retryAfterMs: 5_000 });
    await clock.advance(5_000);
    expect(await guarded.run(ctx, () => 'called')).toBe('called');
    expect(breaker().state).toBe('half-open');
    expect(await guarded.run(ctx, () => 'called')).toBe('called');
    expect(breaker()).toMatchObject({ state: 'closed', cause: 'recovered', counts: { opened: 1, refused: 2 } });
    expect(
      events.flatMap((event) => (event.kind === 'breaker' ? [`${event.transition.to} at ${event.atMs}`] : [])),
    ).toEqual(['open at 0', 'half-open at 5000', 'closed at 5000']);
    expect(clock.pending).toBe(0);
  });

  test('counts attempts that ran out of time', async () => {
    const { clock, guarded, ctx, breaker } = world({ timeout: { attempt: '100ms' }, breaker: EAGER });
    const pending = [1, 2, 3, 4].map(() => guarded.attempt(ctx, hanging));
    await clock.advance(100);
    await Promise.all(pending);
    expect(breaker()).toMatchObject({ state: 'open', measured: { failures: 4, slow: 4 } });
  });

  test('opens for slow answers, be they good', async () => {
    const { clock, guarded, ctx, breaker } = world({ timeout: { attempt: '1s' }, breaker: EAGER });
    const pending = [1, 2, 3, 4].map(() => guarded.run(ctx, () => clock.sleep(801)));
    await clock.advance(801);
    await Promise.all(pending);
    expect(breaker()).toMatchObject({ state: 'open', cause: 'slow-ratio', measured: { failures: 0, slow: 4 } });
  });

  test('counts each attempt of a retried call, and refuses the next attempt of the call that opened it', async () => {
    const { clock, guarded, ctx, breaker } = world({
      retry: { attempts: 10, backoff: { base: '1ms', jitter: 'none' } },
      breaker: EAGER,
    });
    let begun = 0;
    const pending = guarded.attempt(
      ctx,
      () => {
        begun++;
        return away();
      },
      { idempotent: true },
    );
    await clock.advance(1_000);
    expect(await pending).toMatchObject({ kind: 'failed', attempts: 4, stopped: { cause: 'open' } });
    expect(begun).toBe(4);
    expect(breaker().measured.failures).toBe(4);
  });

  test('does not count answers, a caller that left, or what another policy rejected', async () => {
    const { guarded, ctx, calls, breaker } = world({ breaker: EAGER });
    await calls(10, () => Promise.reject(new FairleadError('not-found', 'NO_INVOICE', 'There is none.')));
    expect(breaker()).toMatchObject({ state: 'closed', measured: { calls: 10, failures: 0 } });
    for (let call = 0; call < 10; call++) {
      const scope = ctx.withTimeout(60_000);
      const pending = guarded.attempt(scope, hanging);
      scope.cancel();
      expect(await pending).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
    }
    expect(breaker()).toMatchObject({ state: 'closed', measured: { calls: 10 }, counts: { ignored: 10 } });
    const inner = world({ breaker: { ...EAGER, mode: 'open' } });
    await calls(10, () => inner.guarded.run(inner.ctx, () => 1));
    expect(breaker()).toMatchObject({ state: 'closed', measured: { calls: 10 }, counts: { ignored: 20 } });
  });

  test('gets a probe back that never began: its slot was taken, or its caller left', async () => {
    const { clock, guarded, ctx, calls, breaker } = world({
      breaker: EAGER,
      concurrency: { limit: 1, queue: 1, wait: '1s' },
    });
    await calls(4, away);
    await clock.advance(5_000);
    const first = guarded.attempt(ctx, () => clock.sleep(100));
    const scope = ctx.withTimeout(60_000);
    const second = guarded.attempt(scope, () => 1);
    expect(breaker()).toMatchObject({ state: 'half-open', probes: { out: 2, free: 0 } });
    expect(await rejectionOf(guarded, ctx)).toMatchObject({ cause: 'open', measured: { state: 'half-open' } });
    scope.cancel();
    expect(await second).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled' } });
    expect(breaker()).toMatchObject({ probes: { out: 1, free: 1 } });
    await clock.advance(100);
    await first;
    await calls(1, () => 1);
    expect(breaker().state).toBe('closed');
  });

  test('is not kept half-open by probes that hang, with no timeout to end them', async () => {
    const { clock, guarded, ctx, calls, breaker } = world({ breaker: { ...EAGER, probeLease: '2s' } });
    await calls(4, away);
    await clock.advance(5_000);
    void guarded.attempt(ctx, hanging);
    void guarded.attempt(ctx, hanging);
    expect(await rejectionOf(guarded, ctx)).toMatchObject({ retryAfterMs: 2_000 });
    await clock.advance(2_000);
    expect(breaker()).toMatchObject({ state: 'open', cause: 'lease' });
    await clock.advance(10_000);
    await calls(2, () => 1);
    expect(breaker().state).toBe('closed');
  });

  test('drops the result of a call that began before it opened', async () => {
    const { clock, guarded, ctx, calls, breaker } = world({ breaker: EAGER });
    const old = guarded.attempt(ctx, () => clock.sleep(6_000));
    await calls(4, away);
    await clock.advance(5_500);
    await calls(1, () => 1);
    await clock.advance(500);
    expect(await old).toMatchObject({ kind: 'ok' });
    expect(breaker()).toMatchObject({ state: 'half-open', measured: { calls: 1 }, counts: { late: 1 } });
  });

  test('counts values that are failures, with no retry there, and returns them', async () => {
    const { guarded, ctx, breaker } = world({ breaker: EAGER }, { isFailure: (value) => value === 500 });
    for (let call = 0; call < 3; call++) expect(await guarded.run(ctx, () => 500)).toBe(500);
    expect(await guarded.run(ctx, () => 200)).toBe(200);
    expect(breaker()).toMatchObject({ state: 'open', measured: { calls: 4, failures: 3 } });
  });

  test('asks the predicate, and a predicate that throws harms nobody but whom was called', async () => {
    const { guarded, ctx, breaker } = world(
      { breaker: EAGER },
      {
        breaker: {
          judge: (failed) => {
            if (failed === 'ignored') return 'ignore';
            throw new Error('bug');
          },
        },
      },
    );
    for (let call = 0; call < 4; call++) {
      await expect(guarded.run(ctx, () => Promise.reject('ignored'))).rejects.toBe('ignored');
    }
    expect(breaker()).toMatchObject({ state: 'closed', counts: { ignored: 4 } });
    for (let call = 0; call < 4; call++) {
      await expect(guarded.run(ctx, () => Promise.reject('other'))).rejects.toBe('other');
    }
    expect(breaker().state).toBe('open');
  });

  test('does as it is told, and says so', async () => {
    const { guarded, ctx, calls, events, breaker } = world({ breaker: EAGER });
    guarded.force('open');
    expect(await rejectionOf(guarded, ctx)).toMatchObject({
      cause: 'open',
      measured: { state: 'forced-open', because: 'forced' },
      retryAfterMs: undefined,
    });
    guarded.force('metrics-only');
    await calls(8, away);
    expect(breaker()).toMatchObject({ state: 'metrics-only', counts: { wouldHaveOpened: 1 } });
    guarded.force('auto');
    expect(breaker().state).toBe('closed');
    expect(events.filter(({ kind }) => kind === 'breaker')).toHaveLength(4);
    expect(() => world({}).guarded.force('open')).toThrow('The policy "billing" has no breaker to be open; add');
  });

  test('begins as its specification says', async () => {
    const { guarded, ctx } = world({ breaker: { ...EAGER, mode: 'open' } });
    expect(await rejectionOf(guarded, ctx)).toMatchObject({
      measured: { state: 'forced-open', because: 'configured' },
    });
  });

  test('an observer that throws is counted and changes nothing', async () => {
    const clock = virtualClock();
    const random = seededRandom('x');
    const observe = () => {
      throw new Error('bug');
    };
    const guarded = policy('billing', { breaker: EAGER }, { clock, random, observe });
    const ctx = createContext({ clock, random });
    for (let call = 0; call < 4; call++) await guarded.attempt(ctx, away);
    expect(guarded.inspect()).toMatchObject({ breaker: { state: 'open' }, counts: { observerErrors: 5 } });
  });

  test('its state is JSON', async () => {
    const { guarded, calls } = world({ breaker: EAGER });
    await calls(4, away);
    const { breaker } = guarded.inspect();
    expect(JSON.parse(JSON.stringify(breaker))).toEqual(JSON.parse(JSON.stringify({ ...breaker })));
    expect(JSON.stringify(breaker)).not.toContain('null');
  });
});
