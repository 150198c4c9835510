import { parseTraceparent } from '@fairlead/core';
import { palette } from '../colour.ts';
import { command } from '../command.ts';
import { toggle } from '../flag.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import { counted, table } from '../table.ts';
import { traceTree } from '../trace-tree.ts';
import type { AdminClient } from '@fairlead/control';
import type { Terminal } from '../terminal.ts';

/** Flags of `trace`. */
interface TraceFlags {
  readonly json: boolean;
  readonly dataDir: string;
}

async function listLatest(terminal: Terminal, admin: AdminClient, asJson: boolean): Promise<number> {
  const { traces, kept } = await admin.traces({ limit: 20 });
  if (asJson) {
    terminal.out(`${JSON.stringify({ traces, kept })}\n`);
    return 0;
  }
  const colour = palette(terminal.colours);
  const rows = traces.map((trace) => [
    trace.traceId,
    new Date(trace.startMs).toISOString().slice(11, 23),
    `${trace.durationMs.toFixed(1)} ms`.padStart(10),
    counted(trace.spans, 'span'),
    `${colour.strong(trace.service ?? '?')} ${trace.name}`,
    trace.errors === 0 ? '' : colour.bad(counted(trace.errors, 'error')),
  ]);
  terminal.out(rows.length === 0 ? 'No trace has arrived yet.\n' : `${table(rows).join('\n')}\n`);
  return 0;
}

/** `fairlead trace`: one trace as a tree, or the latest ones. */
export const trace = command<TraceFlags>({
  name: 'trace',
  summary: 'Show what a request did: a tree of spans with times',
  flags: { json: toggle('print OTLP JSON'), dataDir: dataDirFlag },
  positionals: [
    {
      name: 'id',
      summary: 'trace id, traceparent or request id; without one the latest traces are listed',
      required: false,
    },
  ],
  examples: [
    'fairlead trace',
    'fairlead trace 4bf92f3577b34da6a3ce929d0e0e4736',
    'fairlead trace 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ],
  async run(terminal, flags, [id]) {
    const admin = await runningAdmin(terminal, flags.dataDir);
    if (id === undefined) return listLatest(terminal, admin, flags.json);
    const found = await admin.trace(parseTraceparent(id)?.traceId ?? id);
    terminal.out(
      flags.json ? `${JSON.stringify(found)}\n` : `${traceTree(found, palette(terminal.colours)).join('\n')}\n`,
    );
    return 0;
  },
});
