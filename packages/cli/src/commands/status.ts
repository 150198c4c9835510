import type { PlatformState, PolicyAnswer, QueueAnswer } from '@fairlead/control';
import { palette } from '../colour.ts';
import { command } from '../command.ts';
import { edgeGateway, edgeLines, edgeRoutes, type EdgeRoute } from '../edge-routes.ts';
import { toggle } from '../flag.ts';
import { heldCalls } from '../held-calls.ts';
import { inOrder, instanceTable } from '../instance-table.ts';
import { jobQueues } from '../job-queues.ts';
import { dataDirFlag, runningAdmin, snapshot } from '../running.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of `status`. */
interface StatusFlags {
  readonly json: boolean;
  readonly dataDir: string;
}

/** What services say of the policies over their calls; `undefined` while the control plane is down. */
async function policiesOf(terminal: Terminal, dataDir: string): Promise<PolicyAnswer | undefined> {
  try {
    return await (await runningAdmin(terminal, dataDir)).policies();
  } catch {
    return undefined;
  }
}

/** How far queues of jobs are behind; `undefined` while the control plane is down. */
async function queuesOf(terminal: Terminal, dataDir: string): Promise<QueueAnswer | undefined> {
  try {
    return await (await runningAdmin(terminal, dataDir)).queues();
  } catch {
    return undefined;
  }
}

/** The routes of the gateway on which filters stand; none while it is not started. */
async function edgeOf(state: PlatformState | undefined): Promise<readonly EdgeRoute[]> {
  try {
    const gateway = state && (await edgeGateway(state));
    return gateway === undefined ? [] : edgeRoutes(gateway);
  } catch {
    return [];
  }
}

/**
 * `fairlead status`: what runs, also while the control plane is down, which filters stand at the edge, which calls policies hold
 * back, and which jobs wait or were given up. Exit code 1 when nothing runs.
 */
export const status = command<StatusFlags>({
  name: 'status',
  summary: 'Show what runs (service, state, URL, restarts), which calls are held back, and which jobs wait or are dead',
  flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
  examples: ['fairlead status', 'fairlead status --json'],
  async run(terminal, flags) {
    const { state, running, instances } = await snapshot(terminal, flags.dataDir);
    const [edge, policies, jobs] = running
      ? await Promise.all([edgeOf(state), policiesOf(terminal, flags.dataDir), queuesOf(terminal, flags.dataDir)])
      : [];
    if (flags.json) {
      const services = inOrder(instances);
      terminal.out(
        `${JSON.stringify({ platform: state?.platform, running, gateway: state?.gatewayUrl, admin: state?.adminUrl, services, edge, policies, jobs })}\n`,
      );
      return running ? 0 : 1;
    }
    if (!running && instances.every((instance) => instance.state === 'stopped')) {
      terminal.out('Nothing runs here. Start a platform with fairlead up.\n');
      return 1;
    }
    const colour = palette(terminal.colours);
    const lines = [...instanceTable(instances, colour)];
    const filtered = edgeLines(edge ?? [], colour);
    if (filtered.length > 0) lines.push('', ...filtered);
    const held = heldCalls(policies, colour);
    if (held.length > 0) lines.push('', ...held);
    const queued = jobQueues(
      (jobs?.items ?? []).filter(({ waiting, dead, paused }) => Number(waiting) + Number(dead) > 0 || paused === true),
      colour,
    );
    if (queued.length > 0) lines.push('', ...queued);
    if (!running) lines.push('', colour.bad('The supervisor is gone; fairlead down ends what it left.'));
    for (const { name, state: word, lastExit } of inOrder(instances)) {
      if (lastExit !== undefined && word !== 'ready')
        lines.push('', `${name} ${lastExit.reason}`, ...lastExit.lastLines.slice(-5).map((line) => `  ${line}`));
    }
    terminal.out(`${lines.join('\n')}\n`);
    return running ? 0 : 1;
  },
});
