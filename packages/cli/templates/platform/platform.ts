import { definePlatform } from '@fairlead/platform';

export default definePlatform({
  name: 'my-platform',
  services: {
    sample: './sample/service.ts',
  },
  tenants: {
    acme: { displayName: 'Acme' },
  },
  gateway: {
    routes: [{ path: '/sample', service: 'sample' }],
  },
});
