// `fairlead gateway run` by itself, which is packed as few files that hold all that it needs (`tools/gateway-bundle.ts`).
import { commandProcess } from '../command-process.ts';
import { run } from '../commands/gateway/run.ts';
import { runCommand } from '../run-command.ts';

await commandProcess((terminal, [, , ...args]) => runCommand(terminal, { command: run, group: 'gateway' }, args));
