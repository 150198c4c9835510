import { runCli } from './run-cli.ts';
import { processTerminal } from './terminal.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  // `fairlead logs | head` ends the pipe: that is no failure. A platform goes on without anybody who watches it.
  if (process.argv[2] !== 'up') process.exit(0);
});

process.exitCode = await runCli(processTerminal(), process.argv.slice(2));
