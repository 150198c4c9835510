import { definePlatform } from '@fairlead/platform';

export default definePlatform({
  name: 'shop',
  services: {
    catalog: './catalog/service.ts',
    orders: './orders/service.ts',
    inventory: './inventory/service.ts',
    payments: './payments/service.ts',
    notifications: './notifications/service.ts',
  },
  externals: {
    billing: { contract: './billing/contract.ts', run: './billing/main.ts' },
  },
  tenants: {
    acme: { displayName: 'Acme Chandlery' },
    globex: { displayName: 'Globex Marine' },
  },
  policies: {
    // Among ourselves: reads are repeated within a budget, and whoever fails is left alone for a while.
    '*': {
      timeout: { total: '5s', attempt: '3s' },
      retry: { attempts: 3, backoff: { base: '50ms', cap: '1s' } },
      breaker: { window: '10s', minCalls: 20, failureRatio: '50%' },
      concurrency: { limit: 64, queue: 256, wait: '1s' },
    },
    // The card processor is somebody else's: few at a time, and soon left alone when it fails. An order waits meanwhile.
    billing: {
      timeout: { total: '15s', attempt: '6s' },
      retry: { attempts: 2, backoff: { base: '100ms', cap: '1s' } },
      breaker: { window: '30s', minCalls: 4, failureRatio: '50%', openFor: '2s', openMax: '10s', probes: 2 },
      concurrency: { limit: 16, queue: 64, wait: '1s' },
    },
  },
  gateway: {
    routes: [
      { path: '/catalog', service: 'catalog' },
      { path: '/orders', service: 'orders' },
      { path: '/payments', service: 'payments', roles: ['support'] },
    ],
  },
});
