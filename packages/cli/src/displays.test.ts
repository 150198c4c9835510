import type { InstanceStatus, RunningPlatform } from '@fairlead/control';
import { expect, test } from 'vitest';
import { jsonDisplay, plainDisplay } from './event-lines.ts';
import { liveTable } from './live-table.ts';
import { testTerminal } from './test-terminal.ts';

const instance = (state: InstanceStatus['state'], restarts = 0): InstanceStatus => ({
  name: 'orders',
  kind: 'service',
  state,
  pid: 7,
  url: 'unix:/s',
  restarts,
  since: 0,
  lastExit: undefined,
});
const exit = { code: 3, signal: null, reason: 'exited with code 3', at: 0, lastLines: ['boom'] };
// Only these fields are read by displays.
const platform = {
  gatewayUrl: 'http://g',
  adminUrl: 'http://a',
  endpoints: { billing: 'http://b' },
} as unknown as RunningPlatform;

test('with --json each line is one object', () => {
  const terminal = testTerminal();
  const display = jsonDisplay(terminal, false);
  display.event({ event: 'state', instance: instance('ready') });
  display.event({ event: 'exit', name: 'orders', exit });
  display.event({ event: 'log', name: 'orders', line: 'x' });
  display.event({ event: 'stage', stage: 'postgres', durationMs: 1 });
  display.ready(platform, 1234.5);
  const lines = terminal
    .stdout()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toEqual([
    { event: 'state', name: 'orders', kind: 'service', state: 'ready', pid: 7, url: 'unix:/s', restarts: 0 },
    { event: 'exit', name: 'orders', ...exit },
    { event: 'ready', gateway: 'http://g', admin: 'http://a', services: { billing: 'http://b' }, readyMs: 1235 },
  ]);
});

test('into a pipe go plain lines: states, exits with their last words, warnings, but not every log line', () => {
  const terminal = testTerminal();
  const display = plainDisplay(terminal, { verbose: false, commands: () => ['curl x'] });
  display.event({ event: 'state', instance: instance('starting') });
  display.event({ event: 'exit', name: 'orders', exit });
  display.event({ event: 'log', name: 'orders', line: '{"level":"info","msg":"calm"}' });
  display.event({ event: 'log', name: 'orders', line: '{"level":"warn","msg":"careful","tenant":"acme"}' });
  display.event({ event: 'state', instance: instance('ready', 1) });
  display.ready(platform, 900);
  expect(terminal.stdout()).toBe(
    'orders exited with code 3\n  boom\norders warn careful tenant=acme\norders ready unix:/s restarts=1\nready in 0.9 s\ngateway http://g\nadmin http://a\ntry: curl x\n',
  );
});

test('the table is redrawn in place: it goes up as many lines as it had', () => {
  const terminal = testTerminal({ interactive: true, columns: () => 40 });
  const display = liveTable(terminal, { title: 'shop', verbose: false, commands: () => ['curl '.padEnd(60, 'x')] });
  display.event({ event: 'state', instance: instance('starting') });
  const first = terminal.stdout();
  expect(first.split('\n')).toHaveLength(5);
  display.event({ event: 'state', instance: instance('ready') });
  expect(terminal.stdout().slice(first.length)).toMatch(/^\u001b\[4A\r\u001b\[J/);
  const second = terminal.stdout();
  display.ready(platform, 900);
  const third = terminal.stdout();
  // The command is longer than the terminal is wide: not cut, so that it can be copied, and counted as two lines.
  expect(third.slice(second.length)).toContain('x'.repeat(50));
  display.stopped();
  expect(terminal.stdout().slice(third.length)).toMatch(/^\u001b\[10A/);
});
