import { commandGroup } from '../command-group.ts';

/** `fairlead gateway`: the gateway by itself, on a configuration of its own. */
export const gateway = commandGroup({
  name: 'gateway',
  summary: 'The gateway by itself: check and run a configuration, ask one that runs, and change it',
  commands: [
    { name: 'check', load: async () => (await import('./gateway/check.ts')).check },
    { name: 'run', load: async () => (await import('./gateway/run.ts')).run },
    { name: 'status', load: async () => (await import('./gateway/told-by-gateway.ts')).status },
    { name: 'routes', load: async () => (await import('./gateway/told-by-gateway.ts')).routes },
    { name: 'limits', load: async () => (await import('./gateway/told-by-gateway.ts')).limits },
    { name: 'cache', load: async () => (await import('./gateway/told-by-gateway.ts')).cache },
    { name: 'purge', load: async () => (await import('./gateway/changes-of-gateway.ts')).purge },
    { name: 'eject', load: async () => (await import('./gateway/changes-of-gateway.ts')).eject },
    { name: 'restore', load: async () => (await import('./gateway/changes-of-gateway.ts')).restore },
    { name: 'reload', load: async () => (await import('./gateway/changes-of-gateway.ts')).reload },
    { name: 'key', load: async () => (await import('./gateway/key.ts')).key },
    { name: 'password', load: async () => (await import('./gateway/password.ts')).password },
  ],
});
