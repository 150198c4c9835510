export { adminClient } from './admin/admin-client.ts';
export type { AdminClient, AdminClientOptions } from './admin/admin-client.ts';
export { serveAdmin } from './admin/admin-server.ts';
export type { AdminChanges, AdminServerOptions } from './admin/admin-server.ts';
export { oneProcess } from './admin/gateway-processes.ts';
export type { GatewayProcesses } from './admin/gateway-question.ts';
export { LocalGateway } from './admin/local-gateway.ts';
export type { LocalGatewayOptions } from './admin/local-gateway.ts';
export { swapHistory } from './admin/swap-history.ts';
export type { SwapHistory } from './admin/swap-history.ts';
export type { GatewayConfig } from './platform/config.ts';
export { readEdgeFilters } from './platform/edge-filters.ts';
export type { EdgeFilterProblem, EdgeFilters } from './platform/edge-filters.ts';
export { startEngine } from './engine/engine.ts';
export type { Engine } from './engine/engine.ts';
export type { EngineOptions } from './engine/engine-options.ts';
export { GATEWAY_ERRORS } from './errors.ts';
export { describeSnapshot } from './explain/describe-snapshot.ts';
export type { SnapshotDescription } from './explain/describe-snapshot.ts';
export { explainRequest } from './explain/explain-request.ts';
export type { Candidate, Destiny, Explanation, Verdict } from './explain/explain-request.ts';
export type { RequestToExplain } from './explain/explained-request.ts';
export { readPlatformGateway } from './explain/platform-gateway.ts';
export type { PlatformGateway } from './explain/platform-gateway.ts';
export { snapshotWarnings } from './explain/snapshot-warnings.ts';
export { newApiKey } from './filters/api-key/api-key.ts';
export type { NewApiKey } from './filters/api-key/api-key.ts';
export { newPasswordHash } from './filters/basic-auth/password-hash.ts';
export { atPort } from './fleet/at-port.ts';
export { startFleet } from './fleet/fleet.ts';
export type { Fleet, FleetOptions, OwnAnswers } from './fleet/fleet.ts';
export type { MemberConfiguration } from './fleet/fleet-messages.ts';
export type {
  CacheControl,
  CacheCounts,
  CacheEntryReport,
  CachePurge,
  CacheReport,
} from './filters/cache/cache-control.ts';
export type { RedisCacheClient } from './filters/cache/redis-cache-client.ts';
export { startGateway } from './platform/gateway.ts';
export type { Gateway } from './platform/gateway.ts';
export { importFile } from './import/import-file.ts';
export type { ImportedFile, ImportFileOptions } from './import/import-file.ts';
export type { GatewayEndpoint, GatewayOptions, GatewayRoute, JwksSource } from './platform/options.ts';
export type { CompiledSnapshot, ImportNote, ImportReport } from './snapshot/compiled-snapshot.ts';
export { followSnapshot } from './snapshot/follow-snapshot.ts';
export type { FollowedSnapshot, FollowEvent, FollowOptions } from './snapshot/follow-snapshot.ts';
export { loadSnapshot, readConfiguration } from './snapshot/load-snapshot.ts';
export type { LoadSnapshotOptions } from './snapshot/load-snapshot.ts';
export { snapshotOf } from './snapshot/snapshot-of.ts';
export type { SnapshotOrigin } from './snapshot/compile.ts';
export type { SnapshotProblem } from './snapshot/snapshot-problem.ts';
export { startStandalone } from './standalone/standalone.ts';
export { LEAVE, startWorkers } from './fleet/workers.ts';
export type { WorkerLink, WorkerReady, Workers, WorkersOptions } from './fleet/workers.ts';
