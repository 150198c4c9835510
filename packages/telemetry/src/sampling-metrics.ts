import type { CountedAccessLines } from './access-lines.ts';
import type { CountingTracer } from './create-tracer.ts';
import type { Metrics } from './metrics.ts';

/**
 * Tells how much is not recorded. Counted where it happens as plain numbers, which are read when somebody asks: a request that leaves no
 * trace should not pay for saying so.
 */
export function samplingMetrics(metrics: Metrics, tracer: CountingTracer, lines: CountedAccessLines): void {
  metrics.counter({
    name: 'fairlead_telemetry_traces_unsampled_total',
    help: 'Traces that began here and are not recorded.',
    collect() {
      this.reset();
      this.inc(tracer.tracesUnsampled);
    },
  });
  metrics.counter({
    name: 'fairlead_telemetry_spans_unsampled_total',
    help: 'Spans whose trace is not recorded, wherever that was decided.',
    collect() {
      this.reset();
      this.inc(tracer.spansUnsampled);
    },
  });
  metrics.counter({
    name: 'fairlead_telemetry_access_lines_omitted_total',
    help: 'Lines about requests that went well and were not written, by operation.',
    labelNames: ['operation'],
    collect() {
      this.reset();
      for (const [operation, omitted] of lines.omitted()) this.inc({ operation }, omitted);
    },
  });
}
