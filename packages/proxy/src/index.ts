export type { GatewayConfig } from './config.ts';
export { GATEWAY_ERRORS } from './errors.ts';
export type { TokenFault } from './errors.ts';
export { startGateway } from './gateway.ts';
export type { Gateway } from './gateway.ts';
export type { GatewayEndpoint, GatewayOptions, GatewayRoute, JwksSource } from './options.ts';
