import { commandGroup } from '../command-group.ts';
import { eject, purge, reload, restore } from './gateway/changes-of-gateway.ts';
import { check } from './gateway/check.ts';
import { key } from './gateway/key.ts';
import { password } from './gateway/password.ts';
import { run } from './gateway/run.ts';
import { cache, limits, routes, status } from './gateway/told-by-gateway.ts';

/** `fairlead gateway`: the gateway by itself, on a configuration of its own. */
export const gateway = commandGroup({
  name: 'gateway',
  summary: 'The gateway by itself: check and run a configuration, ask one that runs, and change it',
  commands: [check, run, status, routes, limits, cache, purge, eject, restore, reload, key, password],
});
