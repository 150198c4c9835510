import { EXIT_CODES } from './exit-codes.ts';
import { runCli } from './run-cli.ts';
import { processTerminal } from './terminal.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A platform goes on without anybody who watches it, also where what it says can't be written down any more.
  if (process.argv[2] === 'up') return;
  // `fairlead logs | head` ends the pipe: that is no failure.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(
    `Standard output can't be written (${error.code ?? error.message}), so the answer is not whole.\n`,
  );
  process.exit(1);
});
// There is nowhere left to say it.
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(processTerminal(), process.argv.slice(2));
// Asked twice to end: services of this process may still be at work, and nobody waits for them.
if (process.exitCode === EXIT_CODES.interrupted) process.exit();
