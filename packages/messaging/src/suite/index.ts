export { brokerSuite, type BrokerCase, type BrokerFixture } from './broker-suite.ts';
