import { parseBaggage } from '@fairlead/core';

/**
 * Where OpenTelemetry's own variables say that spans go: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, else
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, with `OTEL_EXPORTER_OTLP_HEADERS` (`name=value`, comma-separated, percent-encoded).
 * `undefined` when neither is set.
 */
export function otlpTarget(
  env: Readonly<Record<string, string | undefined>>,
): { readonly url: string; readonly headers: Readonly<Record<string, string>> } | undefined {
  const url = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (url === undefined || url === '') return undefined;
  // The specification gives these headers the grammar of W3C baggage.
  return { url, headers: parseBaggage(env['OTEL_EXPORTER_OTLP_HEADERS']) };
}
