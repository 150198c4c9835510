import { commandGroup } from '../command-group.ts';
import { check } from './gateway/check.ts';
import { key } from './gateway/key.ts';
import { password } from './gateway/password.ts';
import { run } from './gateway/run.ts';

/** `fairlead gateway`: the gateway by itself, on a configuration of its own. */
export const gateway = commandGroup({
  name: 'gateway',
  summary: 'The gateway by itself: check, run, key, password',
  commands: [check, run, key, password],
});
