// The process of a service: reads its environment, runs the service, tells its parent when it is ready, and ends with
// status 0 when it is told to (SIGTERM, or a parent that goes away). Ctrl-C goes to the whole group of a terminal, so
// under a parent it is the parent that decides what becomes of it.
import { FairleadError } from '@fairlead/core';
import { runService, type RunningService } from './run-service.ts';

const supervised = process.send !== undefined;
let service: RunningService | undefined;
let stopping = false;

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  try {
    await service?.close();
    process.exit(0);
  } catch (error) {
    exitWith(error);
  }
}

function exitWith(error: unknown): never {
  process.stderr.write(
    `${error instanceof FairleadError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}

process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void (supervised || stop()));
process.on('disconnect', () => void stop());

try {
  service = await runService(process.env);
  process.send?.({ type: 'ready', url: service.url });
} catch (error) {
  exitWith(error);
}
