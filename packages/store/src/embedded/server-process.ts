import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Clock, Timer } from '@fairlead/core';
import type { Account } from './account.ts';

/** How the server ended. */
export interface PostgresExit {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** True when `close` asked for it. */
  readonly expected: boolean;
}

/** How many of its last lines are kept for an error's message. */
const KEPT_LINES = 30;
/** How long an immediate shutdown may take before the process is killed, in milliseconds. */
const IMMEDIATE_MS = 6_000;

/** Settings that hold for every embedded server; durability is left as Postgres has it: on. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  // Relative to the data directory, which may lie where the server can't walk to.
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  password_encryption: 'scram-sha-256',
  max_connections: '200',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  // Queues leave dead rows by the hundred thousand a minute, which is the default.
  autovacuum_naptime: '10s',
  io_method: 'sync',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // A client that was killed must not leave its query running, nor its locks held.
  client_connection_check_interval: '1s',
};

/** One postmaster as a child of ours. */
export class ServerProcess {
  readonly pid: number;
  readonly exited: Promise<PostgresExit>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #closing = false;
  #ended = false;

  /**
   * Spawns it, in a session of its own: a Ctrl-C at the terminal is for our own process to answer.
   *
   * On Linux it gets its data directory as `/proc/self/cwd`: the directory is entered before the uid is changed, so the
   * path to it may lead through directories that only root may enter.
   */
  constructor(options: {
    readonly program: string;
    readonly clusterDir: string;
    readonly account: Account | undefined;
    readonly settings: Readonly<Record<string, string>>;
    readonly log: (line: string) => void;
  }) {
    const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const directory =
      process.platform === 'linux' && options.account !== undefined ? '/proc/self/cwd' : options.clusterDir;
    this.#child = spawn(options.program, ['-D', directory, ...settings], {
      cwd: options.clusterDir,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      ...(options.account === undefined ? {} : { uid: options.account.uid, gid: options.account.gid }),
    });
    this.pid = this.#child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void => {
        this.#ended = true;
        resolve({ code, signal, expected: this.#closing });
      };
      this.#child.on('exit', end);
      this.#child.on('error', (error) => {
        this.#keep(error.message);
        end(-1, null);
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          this.#keep(line);
          options.log(line);
        }
      });
    }
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Its last lines. */
  get lastWords(): string {
    return this.#lines.join('\n');
  }

  /** Resolves when everything it wrote has been read: after its end. */
  async drained(): Promise<void> {
    const streams = [this.#child.stdout, this.#child.stderr];
    const open = streams.filter((stream) => stream !== null && !stream.destroyed);
    await Promise.all(open.map((stream) => new Promise((resolve) => stream?.once('close', resolve))));
  }

  /** Lets our process end by itself while it runs. `stop` is waited for again. */
  unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream instanceof Socket) stream.unref();
  }

  /** Ends it: at once for its clients, then without a checkpoint, then by force. */
  async stop(graceMs: number, clock: Clock): Promise<void> {
    this.#closing = true;
    this.#child.ref();
    const timers: Timer[] = [];
    const after = (delayMs: number, signal: NodeJS.Signals): void => {
      timers.push(clock.setTimer(delayMs, () => this.#child.kill(signal)));
    };
    this.#child.kill('SIGINT');
    after(graceMs, 'SIGQUIT');
    after(graceMs + IMMEDIATE_MS, 'SIGKILL');
    await this.exited;
    for (const timer of timers) timer.cancel();
  }

  #keep(line: string): void {
    if (this.#lines.push(line) > KEPT_LINES) this.#lines.shift();
  }
}
