import { components } from './components.ts';
import type { Contract } from './contract.ts';
import { contractsOf, defined, type DocumentOptions, type JsonObject } from './document.ts';
import type { EventType } from './event.ts';

/** What a CloudEvent of ours says besides `type` and `data`: attribute, schema, whether it is always there. */
const ATTRIBUTES: readonly (readonly [string, JsonObject, 'always' | 'sometimes'])[] = [
  ['specversion', { type: 'string', const: '1.0' }, 'always'],
  [
    'id',
    { type: 'string', minLength: 1, description: 'Unique within the source; readers drop repeats by it' },
    'always',
  ],
  ['time', { type: 'string', format: 'date-time' }, 'always'],
  ['datacontenttype', { type: 'string', const: 'application/json' }, 'always'],
  ['traceparent', { type: 'string', description: 'W3C Trace Context of what published it' }, 'always'],
  ['correlationid', { type: 'string', description: 'Id of what began the whole conversation' }, 'always'],
  ['causationid', { type: 'string', description: 'Id of the event that led to this one' }, 'sometimes'],
  ['tenant', { type: 'string', description: 'Whose data it is' }, 'sometimes'],
  ['authid', { type: 'string', description: 'On whose behalf it was published' }, 'sometimes'],
  ['criticality', { type: 'string', enum: ['critical', 'default', 'sheddable'] }, 'always'],
  ['stream', { type: 'string', description: "Stream in the source's log" }, 'always'],
  ['streamversion', { type: 'integer', minimum: 1, description: 'Place within the stream' }, 'always'],
  ['sequence', { type: 'string', description: "Position in the source's log, decimal" }, 'always'],
];

/**
 * The event types of contracts as an AsyncAPI 3 document: the same contracts give the same document. Each type has a
 * channel `<contract>.<type>`, which its service sends on, and a message that is a CloudEvent 1.0 in structured JSON.
 * Events of one key are delivered in order, at least once.
 *
 * @throws INVALID_CONTRACT when two contracts have the same name
 */
export function toAsyncApi(contracts: Contract | readonly Contract[], options: DocumentOptions): JsonObject {
  const shared = components({ target: 'draft-07' });
  const all = contractsOf(contracts);
  const events = all.flatMap((contract) => Object.values(contract.events));

  const messages = events.map((event) => [idOf(event), message(event, shared)] as const);
  return {
    asyncapi: '3.0.0',
    info: {
      title: options.title,
      version: options.version,
      tags: all.map(({ name, description }) => defined({ name, description })),
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(events.map((event) => [idOf(event), channel(event)])),
    operations: Object.fromEntries(events.map((event) => [`publish.${idOf(event)}`, operation(event)])),
    components: { messages: Object.fromEntries(messages), schemas: shared.schemas },
  };
}

function channel(event: EventType): JsonObject {
  const id = idOf(event);
  return defined({
    address: id,
    description: event.summary,
    messages: { [event.name]: { $ref: `#/components/messages/${id}` } },
    tags: [{ name: event.contract }],
  });
}

function operation(event: EventType): JsonObject {
  const id = idOf(event);
  return defined({
    action: 'send',
    channel: { $ref: `#/channels/${id}` },
    summary: event.summary,
    messages: [{ $ref: `#/channels/${id}/messages/${event.name}` }],
  });
}

function message(event: EventType, shared: ReturnType<typeof components>): JsonObject {
  const id = idOf(event);
  const data = shared.keep(`${id}.data`, shared.render(`${id}.data`, event.data, 'output'));
  const attributes = ATTRIBUTES.map(([name, schema]) => [name, schema] as const);
  const envelope = shared.keep(id, {
    type: 'object',
    properties: {
      ...Object.fromEntries(attributes),
      source: { type: 'string', const: `/${event.contract}` },
      type: { type: 'string', const: event.name },
      subject: { type: 'string', minLength: 1, description: `The key: data.${event.key}` },
      dataversion: { type: 'integer', const: event.version, description: "Version of the type's schema" },
      data,
    },
    required: [
      ...ATTRIBUTES.flatMap(([name, , presence]) => (presence === 'always' ? [name] : [])),
      'source',
      'type',
      'subject',
      'dataversion',
      'data',
    ],
  });
  return defined({
    name: event.name,
    title: event.name,
    summary: event.summary,
    contentType: 'application/cloudevents+json',
    correlationId: { location: '$message.payload#/correlationid' },
    payload: envelope,
    'x-fairlead-key': event.key,
  });
}

function idOf(event: EventType): string {
  return `${event.contract}.${event.name}`;
}
