export type {
  InstanceExit,
  InstanceKind,
  InstanceState,
  InstanceStatus,
  PlatformEvent,
  ProcessesOptions,
  RunningPlatform,
  SingleOptions,
  StartOptions,
  TokenRequest,
} from './running-platform.ts';
