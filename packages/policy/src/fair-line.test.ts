import { createContext, seededRandom } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { Scene } from './fair-scene.fixture.ts';
import { IGNORED } from './outcome.ts';

const random = seededRandom(1);

describe('whose turn it is', () => {
  test('tenants with calls of the same length take turns, however many calls they have', async () => {
    const scene = new Scene({ limit: 1, queue: 20 });
    for (let count = 0; count < 6; count++) scene.come('busy');
    for (let count = 0; count < 3; count++) scene.come('calm');
    for (let count = 0; count < 8; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    expect(scene.let.slice(0, 7).join(' ')).toBe('busy calm busy calm busy calm busy');
  });

  test('what counts is the time that slots are held, not the number of calls', async () => {
    const scene = new Scene({ limit: 1, queue: 50 });
    for (let count = 0; count < 40; count++) scene.come('short');
    for (let count = 0; count < 10; count++) scene.come('long');
    for (let count = 0; count < 20; count++) {
      await scene.pass(0);
      const tenant = scene.let.at(-1)!;
      await scene.pass(tenant === 'long' ? 40 : 10);
      scene.leave(tenant);
      await scene.pass(0);
    }
    const [short, long] = [scene.state('short')!.slotMs, scene.state('long')!.slotMs];
    expect(Math.abs(short - long)).toBeLessThanOrEqual(40);
  });

  test('a weight of 3 is three times the time', async () => {
    const scene = new Scene({ limit: 1, queue: 50 }, { weights: { gold: 3 } });
    for (let count = 0; count < 40; count++) for (const tenant of ['gold', 'plain']) scene.come(tenant);
    for (let count = 0; count < 40; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    expect(scene.state('gold')).toMatchObject({ weight: 3, slotMs: 300 });
    expect(scene.state('plain')).toMatchObject({ weight: 1, slotMs: 100 });
  });

  test('a call under way beyond its estimate is charged while it runs', async () => {
    const scene = new Scene({ limit: 2 });
    await scene.serve('stuck', 10);
    await scene.serve('calm', 10);
    scene.come('stuck');
    await scene.pass(500);
    for (let count = 0; count < 5; count++) await scene.serve('calm', 10);
    scene.come('calm');
    scene.come('stuck');
    scene.come('calm');
    await scene.pass(0);
    scene.let.length = 0;
    // What has ended says that calm has used more. What runs says otherwise.
    scene.leave('calm');
    await scene.pass(0);
    expect(scene.let).toEqual(['calm']);
  });

  test('a charge by estimate is corrected when the call ends', async () => {
    const scene = new Scene({ limit: 1, queue: 9 });
    await scene.serve('quick', 100);
    await scene.serve('other', 150);
    scene.let.length = 0;
    // Quick is expected to take 100 ms now and takes 1: it is not charged for more.
    for (const tenant of ['quick', 'quick', 'quick', 'other']) scene.come(tenant);
    for (let count = 0; count < 3; count++) {
      await scene.pass(1);
      scene.leave('quick');
      await scene.pass(0);
    }
    expect(scene.let).toEqual(['quick', 'quick', 'quick', 'other']);
  });

  test('who was away has saved nothing', async () => {
    const scene = new Scene({ limit: 1, queue: 50 });
    await scene.serve('away', 10);
    for (let count = 0; count < 50; count++) await scene.serve('there', 10);
    scene.let.length = 0;
    scene.come('there');
    for (let count = 0; count < 6; count++) for (const tenant of ['away', 'there']) scene.come(tenant);
    for (let count = 0; count < 8; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    // Turn by turn from the beginning, not six of those that were away.
    expect(scene.let.filter((tenant) => tenant === 'away').length).toBeGreaterThanOrEqual(4);
    expect(scene.let.slice(0, 6).filter((tenant) => tenant === 'away').length).toBeLessThanOrEqual(3);
  });

  test('nobody pays for slots that nobody else wanted', async () => {
    const scene = new Scene({ limit: 1, queue: 50 });
    for (let count = 0; count < 50; count++) await scene.serve('there', 10);
    await scene.serve('new', 10);
    scene.let.length = 0;
    scene.come('new');
    for (let count = 0; count < 6; count++) for (const tenant of ['new', 'there']) scene.come(tenant);
    for (let count = 0; count < 6; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    expect(scene.let.filter((tenant) => tenant === 'there').length).toBeGreaterThanOrEqual(3);
  });

  test('calls that were given up say nothing about how long the next takes', async () => {
    const scene = new Scene({ limit: 1 });
    await scene.serve('acme', 10);
    scene.come('acme');
    await scene.pass(500);
    scene.leave('acme', IGNORED);
    expect(scene.state('acme')).toMatchObject({ slotMs: 510, estimateMs: 10 });
  });
});

describe('the cap', () => {
  test('a tenant holds no more than it, and others pass by those of it who wait', async () => {
    const scene = new Scene({ limit: 4 }, { cap: '50%' });
    for (let count = 0; count < 4; count++) scene.come('busy');
    await scene.pass(0);
    expect(scene.let).toEqual(['busy', 'busy']);
    const ctx = createContext({ clock: scene.clock, random, tenant: 'calm' });
    expect(scene.gate.tryEnter(ctx, 0, 1)).toBeGreaterThanOrEqual(0);
    expect(scene.gate.inspect(0)).toMatchObject({ inUse: 3, waiting: 2 });
  });

  test('a freed slot goes to its own tenant when all others are content', async () => {
    const scene = new Scene({ limit: 4 }, { cap: '50%' });
    for (let count = 0; count < 3; count++) scene.come('busy');
    await scene.pass(0);
    scene.leave('busy');
    await scene.pass(0);
    expect(scene.let).toHaveLength(3);
  });

  test('is at least one slot', async () => {
    const scene = new Scene({ limit: 2 }, { cap: '10%' });
    scene.come('acme');
    scene.come('acme');
    await scene.pass(0);
    expect(scene.let).toEqual(['acme']);
  });
});

describe('the reserve', () => {
  test('is for tenants below their share, while there are several', async () => {
    const scene = new Scene({ limit: 10 }, { reserve: '10%' });
    scene.come('calm');
    for (let count = 0; count < 12; count++) scene.come('busy');
    await scene.pass(0);
    expect(scene.state('busy')).toMatchObject({ inUse: 8, waiting: 4 });
    scene.come('calm');
    await scene.pass(0);
    expect(scene.state('calm')).toMatchObject({ inUse: 2, waiting: 0 });
  });

  test('is nothing to a tenant that is alone', async () => {
    const scene = new Scene({ limit: 10 }, { reserve: '10%' });
    for (let count = 0; count < 12; count++) scene.come('busy');
    await scene.pass(0);
    expect(scene.state('busy')).toMatchObject({ inUse: 10, waiting: 2 });
  });

  test('is not wasted when there are more tenants than slots', async () => {
    const scene = new Scene({ limit: 10, queue: 20 }, { reserve: '10%' });
    for (let count = 0; count < 30; count++) scene.come(`tenant-${count}`);
    await scene.pass(0);
    expect(scene.gate.inspect(0).inUse).toBe(10);
  });

  test('goes by weight', async () => {
    const scene = new Scene({ limit: 10, queue: 20 }, { reserve: '10%', weights: { gold: 9 } });
    scene.come('plain');
    for (let count = 0; count < 12; count++) scene.come('gold');
    await scene.pass(0);
    // Nine tenths of the slots are its share: the ninth of ten is still below.
    expect(scene.state('gold')).toMatchObject({ inUse: 9 });
  });
});
