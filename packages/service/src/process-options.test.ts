import { expect, test } from 'vitest';
import { PROCESS_CONFIG } from './process-options.ts';
import { readConfig } from './read-config.ts';

function endpointsOf(text: string) {
  const env = {
    FAIRLEAD_SERVICE_MODULE: '/service.ts',
    FAIRLEAD_SERVICE_NAME: 'orders',
    FAIRLEAD_LISTEN: 'unix:/run/orders.sock',
    FAIRLEAD_ENDPOINTS: text,
  };
  return readConfig(PROCESS_CONFIG, { service: 'orders', env }).endpoints;
}

test('a service answers at one endpoint, or at any of several', () => {
  const endpoints = endpointsOf('{"catalog":"unix:/run/catalog.sock","payments":["http://a:80","unix:/run/b.sock"]}');
  expect([...endpoints]).toEqual([
    ['catalog', { socketPath: '/run/catalog.sock' }],
    ['payments', [{ origin: 'http://a:80' }, { socketPath: '/run/b.sock' }]],
  ]);
});

test.each(['{"a":["http://a:80",7]}', '{"a":[["http://a:80"]]}', '{"a":"ftp://a"}', '[]'])('%s is refused', (text) => {
  expect(() => endpointsOf(text)).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
});
