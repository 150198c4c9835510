import { brokerSuite } from '@fairlead/messaging/suite';
import { test } from 'vitest';
import { memoryBroker } from './memory-broker.ts';

const READS = { orders: [], stock: ['orders'], mail: [] };

for (const { title, run } of brokerSuite(async () => {
  const broker = memoryBroker();
  return { as: (service) => broker.as(service, READS[service]), async [Symbol.asyncDispose]() {} };
})) {
  test(title, run);
}
