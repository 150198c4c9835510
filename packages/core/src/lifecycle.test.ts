import { expect, test } from 'vitest';
import { createContext } from './create-context.ts';
import { lifecycle, type LifecyclePart } from './lifecycle.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock } from './virtual-clock.ts';

function world() {
  const clock = virtualClock();
  const events: string[] = [];
  const life = lifecycle({ clock });
  const add = (name: string, dependsOn: readonly string[] = [], part: Partial<LifecyclePart> = {}) =>
    life.add({
      name,
      dependsOn,
      start: () => void events.push(`+${name}`),
      stop: () => void events.push(`-${name}`),
      ...part,
    });
  return { clock, events, life, add, ctx: createContext({ clock, random: seededRandom('lifecycle') }) };
}

test('parts start after what they depend on and stop before it', async () => {
  const { life, add, ctx, events, clock } = world();
  add('http', ['db', 'broker']);
  add('broker', ['db']);
  add('db');
  await life.start(ctx);
  await life.close();
  expect(events).toEqual(['+db', '+broker', '+http', '-http', '-broker', '-db']);
  expect(clock.pending).toBe(0);
});

test('independent parts start at the same time', async () => {
  const { life, add, ctx } = world();
  const both = Promise.withResolvers<void>();
  let waiting = 0;
  const start = () => {
    if (++waiting === 2) both.resolve();
    return both.promise;
  };
  add('a', [], { start });
  add('b', [], { start });
  await life.start(ctx);
  expect(waiting).toBe(2);
});

test('a failed start stops what had started, interrupts what was starting, and is the error', async () => {
  const { life, add, ctx, events } = world();
  add('db');
  add('slow', ['db'], {
    start: (scope) =>
      new Promise((_, reject) => scope.signal.addEventListener('abort', () => reject(scope.signal.reason))),
  });
  add('bad', ['db'], { start: () => Promise.reject(new Error('port 8080 is taken')) });
  add('never', ['bad']);
  await expect(life.start(ctx)).rejects.toThrow('port 8080 is taken');
  expect(events).toEqual(['+db', '-db']);
  await life.close();
  expect(events).toEqual(['+db', '-db']);
});

test('closing during the start ends it', async () => {
  const { life, add, ctx, events } = world();
  const underWay = Promise.withResolvers<void>();
  add('db');
  add('slow', ['db'], {
    start: (scope) =>
      new Promise((_, reject) => {
        scope.signal.addEventListener('abort', () => reject(scope.signal.reason));
        underWay.resolve();
      }),
  });
  add('never', ['slow']);
  const started = expect(life.start(ctx)).rejects.toMatchObject({ code: 'CANCELLED' });
  await underWay.promise;
  await life.close();
  await started;
  expect(events).toEqual(['+db', '-db']);
});

test('the grace is one for all: who overstays is left behind and the others learn what is left', async () => {
  const { life, add, ctx, events, clock } = world();
  add('db', [], { stop: ({ graceMs }) => void events.push(`-db ${graceMs}`) });
  add('stuck', ['db'], { stop: () => new Promise(() => {}) });
  add('http', ['stuck'], {
    stop: async ({ graceMs }) => {
      events.push(`-http ${graceMs}`);
      await clock.sleep(300);
    },
  });
  await life.start(ctx);
  const closed = expect(life.close({ graceMs: 1000 })).rejects.toMatchObject({
    code: 'CLOSE_FAILED',
    details: { parts: ['stuck'] },
  });
  await clock.advance(1000);
  await closed;
  expect(events).toEqual(['+db', '+stuck', '+http', '-http 1000', '-db 0']);
  expect(clock.pending).toBe(0);
});

test('every failure of a stop is collected and keeps none of the others from stopping', async () => {
  const { life, add, ctx, events } = world();
  add('db');
  add('a', ['db'], { stop: () => Promise.reject(new Error('a broke')) });
  add('b', ['db'], {
    stop: () => {
      throw new Error('b broke');
    },
  });
  await life.start(ctx);
  const error: unknown = await life.close().catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'CLOSE_FAILED', details: { parts: ['a', 'b'] } });
  expect((error as Error).message).toContain('a (a broke); b (b broke)');
  expect(events).toContain('-db');
});

test('a second close waits for the first', async () => {
  const { life, add, ctx, events } = world();
  add('db');
  await life.start(ctx);
  await Promise.all([life.close(), life.close(), life[Symbol.asyncDispose]()]);
  expect(events).toEqual(['+db', '-db']);
});

test('a circle is refused with its members, before anything starts', async () => {
  const { life, add, ctx, events } = world();
  add('a', ['b']);
  add('b', ['c']);
  add('c', ['b']);
  await expect(life.start(ctx)).rejects.toThrow('b → c → b');
  expect(events).toEqual([]);
});

test('a dependency that does not exist is refused with the nearest name', async () => {
  const { life, add, ctx } = world();
  add('database');
  add('http', ['databse']);
  await expect(life.start(ctx)).rejects.toThrow(
    'http depends on databse, which does not exist. Did you mean database?',
  );
});

test('names are unique, and nothing is added or started twice after the start', async () => {
  const { life, add, ctx } = world();
  add('db');
  expect(() => add('db')).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
  await life.start(ctx);
  expect(() => add('late')).toThrow('Add it before start()');
  await expect(life.start(ctx)).rejects.toMatchObject({ code: 'MISCONFIGURED' });
});
