import { commandProcess } from './command-process.ts';
import { runCli } from './run-cli.ts';

await commandProcess(runCli);
