import { encodeEvent, type Contract, type EventData, type EventName } from '@fairlead/contract';
import { append, type LoggedEvent, type Tx } from '@fairlead/store';

/** How an event is published. */
interface PublishOptions {
  /** Goes before the key in the name of the stream: where keys are unique only within a tenant. Default: nothing. */
  readonly streamPrefix?: string;
}

/**
 * Publishes an event of `contract` in the caller's transaction: validated, then appended to the log under its key.
 * It reaches the broker after the commit (see `startRelay`), and never without one. Resolves to the event's id.
 *
 * Trace, tenant, subject, correlation and causation are those of `tx.ctx`.
 * @throws INVALID_EVENT when the data does not fit the contract
 * @throws EVENT_TOO_LARGE when it is larger than the log takes
 */
export async function publish<C extends Contract, Type extends EventName<C>>(
  tx: Tx,
  contract: C,
  type: Type,
  data: EventData<C, Type>,
  options?: PublishOptions,
): Promise<string> {
  return (await publishEvent(tx, contract, type, data, options)).id;
}

/** As `publish`; resolves to the event as the log keeps it. */
export async function publishEvent<C extends Contract, Type extends EventName<C>>(
  tx: Tx,
  contract: C,
  type: Type,
  data: EventData<C, Type>,
  { streamPrefix = '' }: PublishOptions = {},
): Promise<LoggedEvent> {
  const encoded = encodeEvent(contract, type, data);
  const result = await append(tx, `${streamPrefix}${encoded.key}`, 'any', [encoded]);
  const event = result.kind === 'appended' ? result.events[0] : undefined;
  // 'any' accepts every version, and one event was given.
  if (event === undefined) throw new TypeError(`append of one event with expectation "any" answered ${result.kind}`);
  return event;
}
