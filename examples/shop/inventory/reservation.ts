import { decider, type DomainEvent } from '@fairlead/events';

/** So many of one item. */
export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

/** What is asked of the reservation of an order. Whether there is enough is known when it is asked. */
export type ReservationCommand =
  | { readonly type: 'hold'; readonly orderId: string; readonly lines: readonly Line[] }
  | { readonly type: 'refuse'; readonly orderId: string; readonly sku: string; readonly available: number }
  | { readonly type: 'take' }
  | { readonly type: 'release' };

/** What happens to it. The contract has those about stock; what is held, taken and released stays here. */
export type ReservationEvent =
  | DomainEvent<'reservation.held', { readonly lines: readonly Line[] }>
  | DomainEvent<'stock.reserved', { readonly orderId: string }>
  | DomainEvent<'stock.refused', { readonly orderId: string; readonly sku: string; readonly available: number }>
  | DomainEvent<'reservation.taken', Record<string, never>>
  | DomainEvent<'reservation.released', { readonly lines: readonly Line[] }>;

/** Where it stands. */
export interface ReservationState {
  readonly status: 'none' | 'held' | 'refused' | 'taken' | 'released';
  readonly lines: readonly Line[];
}

/**
 * What an order holds of the stock, by the order's id: everything or nothing, and it ends once. What an order gives back
 * before it held anything it will not hold any more.
 */
export const Reservation = decider<ReservationCommand, ReservationEvent, ReservationState>({
  name: 'reservation',
  initial: () => ({ status: 'none', lines: [] }),
  decide(command, { status, lines }) {
    switch (command.type) {
      case 'hold': {
        const { orderId } = command;
        if (status !== 'none') return [];
        return [
          { type: 'reservation.held', data: { lines: command.lines } },
          { type: 'stock.reserved', data: { orderId } },
        ];
      }
      case 'refuse': {
        const { orderId, sku, available } = command;
        return status === 'none' ? { type: 'stock.refused', data: { orderId, sku, available } } : [];
      }
      case 'take':
        return status === 'held' ? { type: 'reservation.taken', data: {} } : [];
      case 'release':
        return status === 'none' || status === 'held' ? { type: 'reservation.released', data: { lines } } : [];
    }
  },
  evolve: {
    'reservation.held': (_state, { lines }) => ({ status: 'held', lines }),
    'stock.reserved': (state) => state,
    'stock.refused': (state) => ({ ...state, status: 'refused' }),
    'reservation.taken': (state) => ({ ...state, status: 'taken' }),
    'reservation.released': (state) => ({ ...state, status: 'released' }),
  },
});
