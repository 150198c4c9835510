export { simulate, type SimulateOptions, type Simulation } from './simulate.ts';
export type { CallOptions, CallResult, World } from './world.ts';
export type { FaultOptions } from './network.ts';
export type { ExternalProvider } from './transport.ts';
export { fake, type Fake, type FakeCall, type FakeHandlers } from './fake.ts';
export { testPlatform, testService, type TestPlatform, type TestPlatformOptions } from './test-platform.ts';
export type { TestCaller, TestCalls, TestEvent, TestService } from './test-service.ts';
