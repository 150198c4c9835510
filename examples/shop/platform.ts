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
    filters: [
      // The storefront is a page of its own, which browsers load from elsewhere.
      {
        type: 'cors',
        origins: ['https://shop.example', 'http://localhost:5173'],
        headers: ['authorization', 'content-type', 'idempotency-key'],
        exposed: ['ratelimit', 'retry-after', 'traceparent', 'x-fairlead-partial', 'x-request-id'],
        maxAge: '10m',
      },
      // Whoever guesses tokens is stopped before any is looked at; and no tenant takes all that there is from the others.
      { type: 'rate-limit', name: 'addresses', by: 'ip', rates: ['10000/s'], headers: false },
      { type: 'rate-limit', name: 'tenants', by: 'tenant', rates: ['5000/s'] },
    ],
    routes: [
      {
        path: '/catalog',
        service: 'catalog',
        // Everybody looks at it, and nobody minds a second: each tenant's own is kept for it, and asked for once.
        // Nothing in it is secret, so that it may be made smaller: its length tells nobody anything.
        filters: [
          { type: 'cache', identified: true, defaultTtl: '1s', staleIfError: '1m', statuses: [200] },
          { type: 'compress', secrets: true },
        ],
      },
      { path: '/orders', service: 'orders' },
      { path: '/payments', service: 'payments', roles: ['support'] },
      // What a customer wants to know of an order is with three services; without the last two there is still an order.
      {
        path: '/order-details',
        methods: ['GET'],
        timeout: '3s',
        filters: [
          {
            type: 'compose',
            path: '/order-details/{id}',
            parts: {
              order: { to: 'orders', path: '/orders/{path:id}', at: '' },
              payment: { to: 'payments', path: '/payments/{path:id}', timeout: '1s', default: { status: 'unknown' } },
              goods: { to: 'inventory', path: '/reservations/{path:id}', timeout: '1s', optional: true },
            },
          },
        ],
      },
    ],
  },
});
