import { decodeEvent, type Contract } from '@fairlead/contract';
import type { EventHandler as MessageHandler, PublishedEvent } from '@fairlead/messaging';
import type { ConfigShape } from './config.ts';
import type { EventHandler, ServiceDefinition } from './definition.ts';
import { commitTx, HandlerKit, type KitParts } from './handler-kit.ts';
import type { ConsumerKit, ReceivedEvent, Uses } from './kit.ts';
import { withOpenTelemetry } from '@fairlead/telemetry/open-telemetry';

type AnyEventHandler = EventHandler<Contract, ConfigShape, Uses, Contract, string>;

/** What a service does with other services' events. */
export interface Consuming {
  /** The services that it listens to. */
  readonly sources: readonly string[];
  /** Whether there is a handler for the event. */
  accepts(event: PublishedEvent): boolean;
  readonly handler: MessageHandler;
}

/** The event handlers of a definition as one message handler; `undefined` when there are none. */
export function consuming(definition: ServiceDefinition, parts: KitParts): Consuming | undefined {
  const handlers = new Map<string, Map<string, { readonly contract: Contract; readonly handle: AnyEventHandler }>>();
  for (const [alias, byType] of Object.entries(definition.consumers ?? {})) {
    const contract = definition.uses?.[alias];
    if (contract === undefined || byType === undefined) continue;
    const known = handlers.get(contract.name) ?? new Map();
    for (const [type, handle] of Object.entries(byType))
      if (handle !== undefined) known.set(type, { contract, handle });
    handlers.set(contract.name, known);
  }
  if (handlers.size === 0) return undefined;

  return {
    sources: [...handlers.keys()],
    accepts: (event) => handlers.get(event.source)?.has(event.type) === true,
    async handler(ctx, event, commit) {
      const found = handlers.get(event.source)?.get(event.type);
      if (found === undefined) return;
      // decodeEvent made the data by this type's schema.
      const received = { ...event, data: decodeEvent(found.contract, event.type, event.data) } as ReceivedEvent<
        Contract,
        string
      >;
      const kit = new HandlerKit(parts, ctx, event.type, commitOf(parts, commit));
      await withOpenTelemetry(ctx, () => found.handle(ctx, received, kit));
    },
  };
}

function commitOf(
  parts: KitParts,
  commit: Parameters<MessageHandler>[2],
): ConsumerKit<Contract, ConfigShape, Uses>['commit'] {
  return (work) => commit((tx) => work(commitTx(parts, tx)));
}
