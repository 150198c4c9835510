import { decider, rejected, type DomainEvent } from '@fairlead/events';

/** What is asked of the payment of an order. */
export type PaymentCommand =
  | { readonly type: 'initiate'; readonly amountCents: number; readonly currency: string }
  | { readonly type: 'capture'; readonly orderId: string }
  | { readonly type: 'decline'; readonly orderId: string; readonly reason: string }
  | { readonly type: 'refund'; readonly orderId: string };

/** What happens to it. The contract has all but the first, which stays here. */
export type PaymentEvent =
  | DomainEvent<'payment.initiated', { readonly amountCents: number; readonly currency: string }>
  | DomainEvent<'payment.captured', { readonly orderId: string; readonly amountCents: number }>
  | DomainEvent<'payment.declined', { readonly orderId: string; readonly reason: string }>
  | DomainEvent<'payment.refunded', { readonly orderId: string; readonly amountCents: number }>;

/** Where it stands. */
export interface PaymentState {
  readonly status: 'none' | 'initiated' | 'captured' | 'declined' | 'refunded';
  readonly amountCents: number;
}

/**
 * The payment of an order, by the order's id. Whatever is asked twice happens once: an order is charged once and refunded once.
 */
export const Payment = decider<PaymentCommand, PaymentEvent, PaymentState, 'NOTHING_CAPTURED'>({
  name: 'payment',
  initial: () => ({ status: 'none', amountCents: 0 }),
  decide(command, { status, amountCents }) {
    switch (command.type) {
      case 'initiate': {
        const { currency } = command;
        if (status !== 'none') return [];
        return { type: 'payment.initiated', data: { amountCents: command.amountCents, currency } };
      }
      case 'capture':
        if (status !== 'initiated') return [];
        return { type: 'payment.captured', data: { orderId: command.orderId, amountCents } };
      case 'decline':
        if (status !== 'initiated') return [];
        return { type: 'payment.declined', data: { orderId: command.orderId, reason: command.reason } };
      case 'refund':
        if (status === 'refunded') return [];
        if (status !== 'captured') return rejected('NOTHING_CAPTURED');
        return { type: 'payment.refunded', data: { orderId: command.orderId, amountCents } };
    }
  },
  evolve: {
    'payment.initiated': (_state, { amountCents }) => ({ status: 'initiated', amountCents }),
    'payment.captured': (_state, { amountCents }) => ({ status: 'captured', amountCents }),
    'payment.declined': (state) => ({ ...state, status: 'declined' }),
    'payment.refunded': (state) => ({ ...state, status: 'refunded' }),
  },
});
