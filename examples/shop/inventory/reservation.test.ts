import { commandSequence, given } from '@fairlead/events/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Reservation, type ReservationCommand, type ReservationEvent } from './reservation.ts';

const orderId = 'o-1';
const lines = [{ sku: 'KNIFE', quantity: 2 }];
const held: ReservationEvent = { type: 'reservation.held', data: { lines } };
const released: ReservationEvent = { type: 'reservation.released', data: { lines } };

test('an order holds its goods once, and everybody hears of it', () => {
  const reserved: ReservationEvent = { type: 'stock.reserved', data: { orderId } };
  given(Reservation).when({ type: 'hold', orderId, lines }).thenEvents(held, reserved);
  given(Reservation, held).when({ type: 'hold', orderId, lines }).thenNothing();
});

test('what is held goes back once, or leaves', () => {
  given(Reservation, held).when({ type: 'release' }).thenEvents(released);
  given(Reservation, held, released).when({ type: 'release' }).thenNothing();
  given(Reservation, held).when({ type: 'take' }).thenEvents({ type: 'reservation.taken', data: {} });
  given(Reservation, held, released).when({ type: 'take' }).thenNothing();
});

test('an order that is given up before it holds anything will not hold it later', () => {
  const empty: ReservationEvent = { type: 'reservation.released', data: { lines: [] } };
  given(Reservation).when({ type: 'release' }).thenEvents(empty);
  given(Reservation, empty).when({ type: 'hold', orderId, lines }).thenNothing();
});

test('whatever is asked in whatever order, goods go back at most once, and only what was held', () => {
  const command = fc.constantFrom<ReservationCommand>(
    { type: 'hold', orderId, lines },
    { type: 'refuse', orderId, sku: 'KNIFE', available: 1 },
    { type: 'take' },
    { type: 'release' },
  );
  fc.assert(
    fc.property(fc.array(command), (commands) => {
      const { events } = commandSequence(Reservation, commands);
      const back = events.filter(({ type }) => type === 'reservation.released');
      const out = events.filter(({ type }) => type === 'reservation.held');
      expect(back.length).toBeLessThanOrEqual(1);
      for (const event of back) {
        if (event.type === 'reservation.released') expect(event.data.lines).toEqual(out.length === 0 ? [] : lines);
      }
    }),
  );
});
