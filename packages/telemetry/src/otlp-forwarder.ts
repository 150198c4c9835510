import type { Clock, Closeable, Random } from '@fairlead/core';
import { otlpSender } from './otlp-sender.ts';
import { SpanExporter } from './span-exporter.ts';

/** How spans that came from others are passed on. */
export interface OtlpForwarderOptions {
  /** Base URL of the collector, as `OtlpOptions.url`. */
  readonly url: string;
  /** Sent with every request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when deliveries begin to fail (`{ kind: 'failing' }`), succeed again, and how much was lost. */
  readonly onChange: (change: ForwardingChange) => void;
}

/** How the delivery goes. */
export type ForwardingChange =
  | { readonly kind: 'failing'; readonly error: unknown }
  | { readonly kind: 'recovered' }
  | { readonly kind: 'dropped'; readonly exports: number };

/** Passes OTLP on, unread. */
export interface OtlpForwarder extends Closeable {
  /** Queues the `resourceSpans` of one export request. Never waits: what the collector can't take in time is dropped. */
  forward(resourceSpans: readonly unknown[]): void;
}

/**
 * Delivers received spans to a collector, as `SpanExporter` delivers own ones: in batches, at most 4 096 resources held,
 * repeated with backoff, dropped and told when that does not help.
 * @throws MISCONFIGURED when the URL is none that `OtlpOptions` describes
 */
export function otlpForwarder(options: OtlpForwarderOptions): OtlpForwarder {
  const { clock, random, onChange } = options;
  const sender = otlpSender(options);
  const exporter = new SpanExporter<unknown>({
    clock,
    random,
    format: {
      before: '{"resourceSpans":[',
      after: ']}',
      write: (to, resource) => to.text(JSON.stringify(resource)),
    },
    send: sender.send,
    release: sender.close,
    onFailure: (error) => onChange({ kind: 'failing', error }),
    onRecovery: () => onChange({ kind: 'recovered' }),
    onExported: () => undefined,
    onDropped: (exports) => onChange({ kind: 'dropped', exports }),
  });
  return {
    forward(resourceSpans) {
      for (const resource of resourceSpans) exporter.record(resource);
    },
    close: (closeOptions) => exporter.close(closeOptions),
    [Symbol.asyncDispose]: () => exporter.close(),
  };
}
