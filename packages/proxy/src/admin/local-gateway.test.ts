import { realClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { running, written } from '../engine/engine.fixture.ts';
import { explainRequest } from '../explain/explain-request.ts';
import { LocalGateway } from './local-gateway.ts';
import { swapHistory } from './swap-history.ts';

async function local(routes: number) {
  const clock = realClock();
  const what = {
    clusters: { orders: { endpoints: [] } },
    routes: Array.from({ length: routes }, (_, at) => ({ name: `r${at}`, match: { path: `/a${at}` }, to: 'orders' })),
  };
  const { engine, telemetry } = await running(what, { isReal: true });
  const snapshot = written(what);
  const history = swapHistory(snapshot, clock);
  const gateway = new LocalGateway({ engine, snapshot: () => snapshot, history, metrics: telemetry.metrics, clock });
  return { clock, gateway, snapshot };
}

test('who explains a request among many routes lets others have their turn, and says the same', async () => {
  const { clock, gateway, snapshot } = await local(350);
  let turns = 0;
  let isOver = false;
  const takeTurn = (): void => {
    turns += 1;
    if (!isOver) clock.setTimer(0, takeTurn);
  };
  clock.setTimer(0, takeTurn);
  const request = { method: 'GET', url: 'http://shop.test/a7/b' };
  const explained = await gateway.answer('explain', { request });
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(3);
  expect(explained).toEqual(explainRequest(snapshot, request));
});

test('a question that nobody knows is refused', async () => {
  const { gateway } = await local(1);
  // `as`: another process may ask anything.
  await expect(gateway.answer('constructor' as 'status', {})).rejects.toThrow('no question');
});
