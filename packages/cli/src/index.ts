export { runCli } from './run-cli.ts';
export { processTerminal } from './terminal.ts';
export type { Terminal } from './terminal.ts';
