import { commandSequence, given } from '@fairlead/events/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Payment, type PaymentCommand, type PaymentEvent } from './payment.ts';

const orderId = 'o-1';
const initiated: PaymentEvent = { type: 'payment.initiated', data: { amountCents: 900, currency: 'EUR' } };
const captured: PaymentEvent = { type: 'payment.captured', data: { orderId, amountCents: 900 } };
const refunded: PaymentEvent = { type: 'payment.refunded', data: { orderId, amountCents: 900 } };

test('what was initiated is captured, once', () => {
  given(Payment).when({ type: 'initiate', amountCents: 900, currency: 'EUR' }).thenEvents(initiated);
  given(Payment, initiated).when({ type: 'capture', orderId }).thenEvents(captured);
  given(Payment, initiated, captured).when({ type: 'capture', orderId }).thenNothing();
});

test('what was declined is not captured after all', () => {
  const declined: PaymentEvent = { type: 'payment.declined', data: { orderId, reason: 'no' } };
  given(Payment, initiated).when({ type: 'decline', orderId, reason: 'no' }).thenEvents(declined);
  given(Payment, initiated, declined).when({ type: 'capture', orderId }).thenNothing();
});

test('what was captured is refunded, once, and nothing else is', () => {
  given(Payment, initiated, captured).when({ type: 'refund', orderId }).thenEvents(refunded);
  given(Payment, initiated, captured, refunded).when({ type: 'refund', orderId }).thenNothing();
  given(Payment, initiated).when({ type: 'refund', orderId }).thenRejected('NOTHING_CAPTURED');
});

test('whatever is asked in whatever order, as much is refunded as was captured, or nothing', () => {
  const command = fc.oneof<fc.Arbitrary<PaymentCommand>[]>(
    fc.record({ type: fc.constant('initiate'), amountCents: fc.nat(1_000), currency: fc.constant('EUR') }),
    fc.constantFrom(
      { type: 'capture', orderId },
      { type: 'decline', orderId, reason: 'no' },
      { type: 'refund', orderId },
    ),
  );
  fc.assert(
    fc.property(fc.array(command), (commands) => {
      const { events } = commandSequence(Payment, commands);
      const amounts = (type: PaymentEvent['type']) =>
        events.flatMap((event) => (event.type === type && 'amountCents' in event.data ? [event.data.amountCents] : []));
      const [charges, refunds] = [amounts('payment.captured'), amounts('payment.refunded')];
      expect(charges.length).toBeLessThanOrEqual(1);
      expect(refunds).toEqual(refunds.length === 0 ? [] : charges);
    }),
  );
});
