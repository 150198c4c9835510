import { palette } from '../colour.ts';
import { command } from '../command.ts';
import { toggle } from '../flag.ts';
import { inOrder, instanceTable } from '../instance-table.ts';
import { dataDirFlag, snapshot } from '../running.ts';

/** Flags of `status`. */
interface StatusFlags {
  readonly json: boolean;
  readonly dataDir: string;
}

/** `fairlead status`: what runs, also while the control plane is down. Exit code 1 when nothing does. */
export const status = command<StatusFlags>({
  name: 'status',
  summary: 'Show what runs: service, state, URL, restarts',
  flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
  examples: ['fairlead status', 'fairlead status --json'],
  async run(terminal, flags) {
    const { state, running, instances } = await snapshot(terminal, flags.dataDir);
    if (flags.json) {
      const services = inOrder(instances);
      terminal.out(
        `${JSON.stringify({ platform: state?.platform, running, gateway: state?.gatewayUrl, admin: state?.adminUrl, services })}\n`,
      );
      return running ? 0 : 1;
    }
    if (!running && instances.every((instance) => instance.state === 'stopped')) {
      terminal.out('Nothing runs here. Start a platform with fairlead up.\n');
      return 1;
    }
    const colour = palette(terminal.colours);
    const lines = [...instanceTable(instances, colour)];
    if (!running) lines.push('', colour.bad('The supervisor is gone; fairlead down ends what it left.'));
    for (const { name, state: word, lastExit } of inOrder(instances)) {
      if (lastExit !== undefined && word !== 'ready')
        lines.push('', `${name} ${lastExit.reason}`, ...lastExit.lastLines.slice(-5).map((line) => `  ${line}`));
    }
    terminal.out(`${lines.join('\n')}\n`);
    return running ? 0 : 1;
  },
});
