export { simulate, type SimulateOptions, type Simulation } from './simulate.ts';
export type { CallOptions, CallResult, World } from './world.ts';
export type { FaultOptions } from './network.ts';
export type { ExternalProvider } from './transport.ts';
