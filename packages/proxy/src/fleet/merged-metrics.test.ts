import { expect, test } from 'vitest';
import { countedMetrics, mergedMetrics } from './merged-metrics.ts';

const ONE = `# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{to="a",path="/x y"} 3
calls_total{to="b"} 1

# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 2
took_seconds_bucket{le="+Inf"} 4
took_seconds_sum 1.5
took_seconds_count 4

# HELP open Connections.
# TYPE open gauge
open 5

# HELP process_start_time_seconds Start.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 100
`;
const OTHER = `# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{to="a",path="/x y"} 4
calls_total{to="c"} 7

# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 1
took_seconds_bucket{le="+Inf"} 1
took_seconds_sum 0.25
took_seconds_count 1

# HELP open Connections.
# TYPE open gauge
open 2

# HELP process_start_time_seconds Start.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 90

# HELP late_seconds Lateness.
# TYPE late_seconds gauge
late_seconds NaN
`;

test('counters, histograms and gauges of several are added up; of times the latest is told', () => {
  expect(mergedMetrics([ONE, OTHER])).toBe(`# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{to="a",path="/x y"} 7
calls_total{to="b"} 1
calls_total{to="c"} 7

# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 3
took_seconds_bucket{le="+Inf"} 5
took_seconds_sum 1.75
took_seconds_count 5

# HELP open Connections.
# TYPE open gauge
open 7

# HELP process_start_time_seconds Start.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 100

# HELP late_seconds Lateness.
# TYPE late_seconds gauge
late_seconds NaN
`);
});

test('one alone is told as it is, and nothing as nothing', () => {
  expect(mergedMetrics([ONE])).toBe(ONE);
  expect(mergedMetrics([])).toBe('');
  expect(mergedMetrics(['', ONE, ''])).toBe(ONE);
});

test('of a process that has ended what it counted stays, and what it held goes', () => {
  const ended = countedMetrics(ONE);
  expect(ended).not.toContain('open');
  expect(ended).not.toContain('process_start_time_seconds');
  const now = mergedMetrics([ended, OTHER]);
  expect(now).toContain('calls_total{to="a",path="/x y"} 7\n');
  expect(now).toContain('took_seconds_count 5\n');
  expect(now).toContain('\nopen 2\n');
});
