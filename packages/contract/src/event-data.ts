import type { Contract } from './contract.ts';
import type { EventData, EventName, ReceivedData } from './inference.ts';

/** An event's facts, ready for the log. */
export interface EncodedEvent {
  readonly type: string;
  readonly schemaVersion: number;
  /** The value of the member that orders it. */
  readonly key: string;
  /** JSON value, a copy. */
  readonly data: unknown;
}

export declare function encodeEvent<C extends Contract, Type extends EventName<C>>(
  contract: C,
  type: Type,
  data: EventData<C, Type>,
): EncodedEvent;

export declare function decodeEvent<C extends Contract, Type extends EventName<C>>(
  contract: C,
  type: Type,
  data: unknown,
): ReceivedData<C, Type>;
