export { startGateway } from './gateway.ts';
export type { Gateway } from './gateway.ts';
export type { GatewayEndpoint, GatewayOptions, GatewayRoute, JwksSource } from './options.ts';
