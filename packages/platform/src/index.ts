export { definePlatform, isBlueprint } from './definition.ts';
export type {
  Blueprint,
  DurationText,
  ExternalDefinition,
  FilterDefinition,
  GatewayDefinition,
  PlatformDefinition,
  RouteDefinition,
  SizeText,
  TenantSettings,
} from './definition.ts';
export { PLATFORM_ERRORS } from './errors.ts';
export { buildModel, loadPlatform } from './load.ts';
export type { BlueprintProblem } from './problem-list.ts';
export { nameFault, type Named } from './platform-name.ts';
export type { ExternalModel, PlatformModel, RouteModel, ServiceModel, TenantModel, UseModel } from './model.ts';
