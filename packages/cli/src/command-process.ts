import { EXIT_CODES } from './exit-codes.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** What a process of the command is: `run` gets its arguments, and says with which code it ends. */
export async function commandProcess(
  run: (terminal: Terminal, args: readonly string[]) => Promise<number>,
): Promise<void> {
  const args = process.argv.slice(2);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A platform goes on without anybody who watches it, also where what it says can't be written down any more.
    if (args[0] === 'up') return;
    // `fairlead logs | head` ends the pipe: that is no failure.
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(
      `Standard output can't be written (${error.code ?? error.message}), so the answer is not whole.\n`,
    );
    process.exit(1);
  });
  // There is nowhere left to say it.
  process.stderr.on('error', () => undefined);

  process.exitCode = await run(processTerminal(), args);
  // Asked twice to end: services of this process may still be at work, and nobody waits for them.
  if (process.exitCode === EXIT_CODES.interrupted) process.exit();
}
