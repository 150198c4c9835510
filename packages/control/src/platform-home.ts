import { join } from 'node:path';
import type { Clock } from '@fairlead/core';
import { lockDataDir } from './supervisor/data-dir-lock.ts';
import { makeDataDir, persistentSecret, type DataDir } from './supervisor/data-dir.ts';
import { endLeftovers } from './supervisor/leftovers.ts';
import { openLogFile, type LogFile } from './supervisor/log-file.ts';
import { checkPort } from './supervisor/ports.ts';
import { makeSocketDir, type SocketDir } from './supervisor/socket-dir.ts';
import type { PlatformEvent } from './running-platform.ts';

/** What a platform occupies on this machine while it runs, apart from its processes. */
export interface PlatformHome {
  readonly data: DataDir;
  readonly sockets: SocketDir;
  /** The admin API's credential. */
  readonly adminToken: string;
  /** The log of an instance, opened once. */
  log(name: string): LogFile;
  /** Writes a line to an instance's log and tells it. */
  tell(name: string, line: string): void;
  /** Removes the sockets, closes the logs, gives the lock back; idempotent. */
  close(): Promise<void>;
}

/** What a home is made for. */
export interface HomeOptions {
  readonly dataDir: string;
  readonly gatewayPort: number;
  readonly adminPort: number;
  /** Names that need a socket. */
  readonly socketNames: readonly string[];
  readonly clock: Clock;
  /** Takes out of a line what must not be told. */
  readonly hide: (line: string) => string;
  readonly onEvent: (event: PlatformEvent) => void;
}

/**
 * Moves in: takes the lock of the data directory, ends what a killed predecessor left, makes sure that the ports are
 * free, and makes folders, sockets' folder and credential. Nothing is left behind when it fails.
 * @throws DATA_DIR_LOCKED when another process lives there
 * @throws PORT_IN_USE naming the port and its flag
 */
export async function openHome(options: HomeOptions): Promise<PlatformHome> {
  const data = await makeDataDir(options.dataDir);
  const lock = await lockDataDir(data.path);
  const logs = new Map<string, LogFile>();
  let sockets: SocketDir | undefined;

  async function close(): Promise<void> {
    await sockets?.remove();
    for (const log of logs.values()) log.close();
    await lock.release();
  }

  function log(name: string): LogFile {
    const open = logs.get(name) ?? openLogFile(data.log(name));
    logs.set(name, open);
    return open;
  }

  try {
    await endLeftovers(data.path, { clock: options.clock });
    await checkPort(options.gatewayPort, '--gateway-port');
    await checkPort(options.adminPort, '--admin-port');
    const made = await makeSocketDir([...options.socketNames, join('postgres', '.s.PGSQL.5432')]);
    sockets = made;
    const adminToken = await persistentSecret(data.secret('admin.token'));
    return {
      data,
      sockets: made,
      adminToken,
      log,
      tell(name, told) {
        const line = options.hide(told);
        log(name).write(line);
        options.onEvent({ event: 'log', name, line });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
