import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom } from '@fairlead/core';
import { loadSnapshot, startStandalone, type Engine } from '@fairlead/proxy';
import { recordingTelemetry, type RecordingTelemetry } from '@fairlead/telemetry';

/** A gateway as it stands alone, with what it says of its requests. */
export interface GatewayAtTest extends AsyncDisposable {
  readonly engine: Engine;
  readonly telemetry: RecordingTelemetry;
  /** Port of the listener `web`. */
  readonly port: number;
}

/**
 * Starts a gateway by a configuration as people write it; a listener `web` on a free port is there when it has none.
 * @throws SNAPSHOT_INVALID when it says what can't be
 */
export async function gatewayAtTest(written: object): Promise<GatewayAtTest> {
  const clock = realClock();
  const telemetry = recordingTelemetry({ clock });
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-conformance-'));
  const file = join(folder, 'gateway.json');
  try {
    await writeFile(
      file,
      JSON.stringify({ listeners: [{ name: 'web', address: '127.0.0.1:0', http2: true }], ...written }),
    );
    const snapshot = await loadSnapshot(file, { clock });
    const engine = await startStandalone({ snapshot, clock, random: realRandom(), telemetry });
    return {
      engine,
      telemetry,
      port: Number(new URL(engine.urls.get('web') ?? 'http://none:0').port),
      [Symbol.asyncDispose]: () => engine.close({ graceMs: 0 }),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
