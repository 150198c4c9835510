export { brokerGrants, type BrokerGrant } from './broker-grants.ts';
export type { Broker, PublishedEvent } from './broker.ts';
export { fromCloudEvent, toCloudEvent, type CloudEvent } from './cloud-event.ts';
export type { Commit, Consumer, ConsumerOptions, ConsumerState, EventHandler } from './consumer-options.ts';
export {
  consumerOutcome,
  consumerProgress,
  forgetConsumer,
  type ConsumerOutcome,
  type ConsumerProgress,
} from './consumer-progress.ts';
export { startConsumer } from './consumer.ts';
export { deadLetters, discard, redrive, waitingEvents, type DeadLetter, type DeadLetterQuery } from './dead-letters.ts';
export { MESSAGING_ERRORS } from './errors.ts';
export { BROKER_MIGRATIONS, MESSAGING_MIGRATIONS } from './migrations.ts';
export { postgresBroker, type PostgresBrokerOptions } from './postgres-broker.ts';
export { publish, publishEvent } from './publish.ts';
export { startRelay, type Relay, type RelayOptions } from './relay.ts';
export { seenPositions } from './seen-positions.ts';
