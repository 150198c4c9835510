export { definePlatform, isBlueprint } from './definition.ts';
export type {
  Blueprint,
  DurationText,
  ExternalDefinition,
  GatewayDefinition,
  PlatformDefinition,
  RouteDefinition,
  SizeText,
  TenantSettings,
} from './definition.ts';
export { loadPlatform } from './load.ts';
export type { ExternalModel, PlatformModel, RouteModel, ServiceModel, TenantModel, UseModel } from './model.ts';
