import type { Telemetry } from '@fairlead/telemetry';
import { realClock, realRandom, type Transport } from '@fairlead/core';
import { createService, defineService, type ServiceDefinition, type ServiceInstance } from '@fairlead/service';
import { createTelemetry, samplingEnvironment } from '@fairlead/telemetry';
import { quoteOf } from './quote.ts';
import { quotesContract } from './quotes-contract.ts';

/** The measured operation as a service. */
export const quotesService = defineService({
  contract: quotesContract,
  operations: {
    async quote(_ctx, input) {
      return quoteOf(input);
    },
  },
});

/** A service with what it was made of. */
export interface StartedService extends AsyncDisposable {
  readonly instance: ServiceInstance;
  readonly telemetry: Telemetry;
}

/**
 * Starts a service without a database as a service's process does: its spans go to `otlpUrl`, its access lines to
 * standard output unless `write` takes them, and there is a secret to look out for.
 */
export async function startService(
  definition: ServiceDefinition,
  options: {
    readonly otlpUrl: string;
    /** Says how much is recorded. */
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly transport: Transport;
    readonly write?: (line: string) => void;
  },
): Promise<StartedService> {
  const { name } = definition.contract;
  const ports = { clock: realClock(), random: realRandom() };
  const telemetry = createTelemetry({
    service: name,
    instance: `${name}-1`,
    ...ports,
    processMetrics: true,
    redact: { values: ['the-password-of-a-database'] },
    otlp: { url: options.otlpUrl },
    ...samplingEnvironment(options.env),
    ...(options.write === undefined ? {} : { destination: { write: options.write } }),
  });
  const { transport } = options;
  const instance = createService(definition, {
    ...ports,
    telemetry,
    transport,
    env: options.env,
    instance: `${name}-1`,
  });
  await instance.start();
  return {
    instance,
    telemetry,
    async [Symbol.asyncDispose]() {
      await instance.close();
      await telemetry.close();
    },
  };
}
