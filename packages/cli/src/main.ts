import { runCli } from './run-cli.ts';
import { processTerminal } from './terminal.ts';

// `fairlead logs | head` ends the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(processTerminal(), process.argv.slice(2));
