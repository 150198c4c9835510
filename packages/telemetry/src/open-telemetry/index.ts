export { withOpenTelemetry } from './open-telemetry.ts';
