import type { PlatformEvent, RunningPlatform } from '@fairlead/control';
import { palette } from './colour.ts';
import { formatLogLine, readLogLine } from './log-line.ts';
import type { Terminal } from './terminal.ts';

/** Shows a platform's life as it happens. */
export interface Display {
  /** Told of each event, in order. */
  event(event: PlatformEvent): void;
  /** Told once, when everything is ready. */
  ready(platform: RunningPlatform, readyMs: number): void;
  /** Told when the end begins. */
  stopping(): void;
  /** Told when nothing runs any more. */
  stopped(): void;
}

/** One JSON object a line: `ready` once, `state`, `exit` and `note` as they happen, `stage` with `--verbose`. */
export function jsonDisplay(terminal: Terminal, verbose: boolean): Display {
  const say = (value: object): void => terminal.out(`${JSON.stringify(value)}\n`);
  return {
    event(event) {
      if (event.event === 'state') {
        const { name, kind, state, pid, url, restarts } = event.instance;
        say({ event: 'state', name, kind, state, pid, url, restarts });
      } else if (event.event === 'exit') {
        say({ event: 'exit', name: event.name, ...event.exit });
      } else if (event.event === 'note' || (event.event === 'stage' && verbose)) {
        say(event);
      }
    },
    ready(platform, readyMs) {
      say({
        event: 'ready',
        gateway: platform.gatewayUrl,
        admin: platform.adminUrl,
        services: platform.endpoints,
        readyMs: Math.round(readyMs),
      });
    },
    stopping: () => say({ event: 'stopping' }),
    stopped: () => say({ event: 'stopped' }),
  };
}

/** Plain lines, for a file or a pipe. */
export function plainDisplay(
  terminal: Terminal,
  options: { readonly verbose: boolean; readonly commands: (platform: RunningPlatform) => readonly string[] },
): Display {
  const colour = palette(false);
  const say = (line: string): void => terminal.out(`${line}\n`);
  return {
    event(event) {
      if (event.event === 'state' && event.instance.state !== 'starting') {
        const { name, state, url, restarts } = event.instance;
        say(
          [name, state, url, restarts === 0 ? undefined : `restarts=${restarts}`]
            .filter((part) => part !== undefined)
            .join(' '),
        );
      } else if (event.event === 'exit') {
        say(`${event.name} ${event.exit.reason}`);
        for (const line of event.exit.lastLines.slice(-10)) say(`  ${line}`);
      } else if (event.event === 'log') {
        const line = readLogLine(event.line);
        if (options.verbose || line.level === 'warn' || line.level === 'error')
          say(formatLogLine(event.name, line, colour));
      } else if (event.event === 'note') {
        say(event.text);
      } else if (event.event === 'stage' && options.verbose) {
        say(`${event.stage} ${Math.round(event.durationMs)} ms`);
      }
    },
    ready(platform, readyMs) {
      say(`ready in ${(readyMs / 1000).toFixed(1)} s`);
      say(`gateway ${platform.gatewayUrl}`);
      say(`admin ${platform.adminUrl}`);
      for (const line of options.commands(platform)) say(`try: ${line}`);
    },
    stopping: () => say('stopping'),
    stopped: () => say('stopped'),
  };
}
