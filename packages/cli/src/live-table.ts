import type { InstanceStatus, RunningPlatform } from '@fairlead/control';
import { palette, visibleLength } from './colour.ts';
import type { Display } from './event-lines.ts';
import { instanceTable } from './instance-table.ts';
import { formatLogLine, readLogLine } from './log-line.ts';
import type { Terminal } from './terminal.ts';

const KEPT_WARNINGS = 5;

/** Cuts a line to the terminal's width, so that it never takes two. */
function cut(line: string, columns: number): string {
  if (visibleLength(line) <= columns) return line;
  let shown = 0;
  let result = '';
  // oxlint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) {
      result += part;
      continue;
    }
    const room = columns - 1 - shown;
    result += part.slice(0, Math.max(0, room));
    shown += part.length;
  }
  return `${result}…`;
}

/**
 * A table that is redrawn in place: instances, commands to try once all is ready, and the last warnings below. What it
 * drew last stays on the screen when it ends.
 */
export function liveTable(
  terminal: Terminal,
  options: {
    readonly title: string;
    readonly verbose: boolean;
    readonly commands: (platform: RunningPlatform) => readonly string[];
  },
): Display {
  const colour = palette(terminal.colours);
  const instances = new Map<string, InstanceStatus>();
  const stages: string[] = [];
  let warnings: string[] = [];
  let headline = colour.waiting('starting');
  let commands: readonly string[] = [];
  let drawn = 0;

  function warn(line: string): void {
    warnings = [...warnings, line].slice(-KEPT_WARNINGS);
  }

  function draw(): void {
    const lines = [
      `${colour.strong(options.title)}  ${headline}`,
      '',
      ...instanceTable([...instances.values()], colour),
      ...(commands.length === 0
        ? []
        : ['', 'Try:', ...commands.map((line) => `  ${line}`), '', colour.faint('Ctrl-C stops everything.')]),
      ...(stages.length === 0 ? [] : ['', colour.faint(stages.join('  '))]),
      ...(warnings.length === 0 ? [] : ['', ...warnings]),
    ];
    const columns = terminal.columns();
    // Commands are to be copied: they are never cut, but then they may take more lines than one, which the redraw must know.
    const shown = lines
      .slice(0, Math.max(1, terminal.rows() - 1))
      .map((line) => (commands.includes(line.trimStart()) ? line : cut(line, columns)));
    const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(visibleLength(line) / columns)), 0);
    const up = drawn === 0 ? '' : `\u001b[${drawn}A`;
    terminal.out(`${up}\r\u001b[J${shown.join('\n')}\n`);
    drawn = height;
  }

  return {
    event(event) {
      if (event.event === 'state') instances.set(event.instance.name, event.instance);
      else if (event.event === 'exit')
        warn(
          `${colour.bad(event.name)} ${event.exit.reason}${event.exit.lastLines.length === 0 ? '' : `: ${readLogLine(event.exit.lastLines.at(-1) ?? '').text}`}`,
        );
      else if (event.event === 'log') {
        const line = readLogLine(event.line);
        if (line.level !== 'warn' && line.level !== 'error') return;
        warn(formatLogLine(event.name, line, colour));
      } else if (event.event === 'note') {
        warn(event.text);
      } else {
        if (!options.verbose) return;
        stages.push(`${event.stage} ${Math.round(event.durationMs)} ms`);
      }
      draw();
    },
    ready(platform, readyMs) {
      headline = `${colour.good('ready')} in ${(readyMs / 1000).toFixed(1)} s  gateway ${platform.gatewayUrl}  admin ${platform.adminUrl}`;
      commands = options.commands(platform);
      draw();
    },
    stopping() {
      headline = colour.waiting('stopping');
      commands = [];
      draw();
    },
    stopped() {
      headline = colour.faint('stopped');
      draw();
    },
  };
}
