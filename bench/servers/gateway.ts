// Our engine with the configuration that BENCH_SNAPSHOT names, which SIGHUP has it read again; metrics, access lines and traces as they are
// by default, or as the environment has them.
import { openSync, writeSync } from 'node:fs';
import { realClock, realRandom } from '@fairlead/core';
import { loadSnapshot, startEngine } from '@fairlead/proxy';
import { createTelemetry, gatheredLines, samplingEnvironment } from '@fairlead/telemetry';
import { served } from '../load/served.ts';

const clock = realClock();
const random = realRandom();
const nowhere = openSync('/dev/null', 'w');
// As `fairlead gateway run` has it.
const destination = gatheredLines({ write: (lines) => void writeSync(nowhere, lines), clock });
const telemetry = createTelemetry({
  service: 'gateway',
  clock,
  random,
  logFormat: 'json',
  destination,
  ...samplingEnvironment(process.env),
});
const file = process.env['BENCH_SNAPSHOT'] ?? '';
const engine = await startEngine({ snapshot: await loadSnapshot(file, { clock }), clock, random, telemetry });
process.on('SIGHUP', () => void loadSnapshot(file, { clock }).then((snapshot) => engine.swap(snapshot)));
served({ port: Number(new URL(engine.urls.get('web') ?? '').port) });
