export { brokerSuite, type BrokerFixture } from './broker-suite.ts';
