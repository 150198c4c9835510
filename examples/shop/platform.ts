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
  gateway: {
    routes: [
      { path: '/catalog', service: 'catalog' },
      { path: '/orders', service: 'orders' },
      { path: '/payments', service: 'payments', roles: ['support'] },
    ],
  },
});
