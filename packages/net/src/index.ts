// http1/   the codec: pure, over bytes. request-reader.ts and response-reader.ts read messages (message-reader.ts is
//          what they share, request-head.ts and response-head.ts their heads, framing.ts how long a body is by its
//          fields); head-writer.ts writes heads
// server/  a server on it: serve.ts listens, connection.ts is one client's, exchange.ts one request of it,
//          answer-writer.ts sends; acceptor.ts is what comes before HTTP
// wire/    what both ends of a connection read into and send from: outgoing.ts what waits for one, outbox.ts for many
// http2/   streams of HTTP/2, each as a connection of HTTP/1.1 with one request: of clients (sessions.ts, stream-socket.ts)
//          and to servers (upstream-sessions.ts, upstream-stream.ts); tls/ certificates; proxy-protocol/ who a connection is for
// cluster/ several endpoints for one destination: who is asked, and who isn't; cluster-types.ts says what callers see
// client/  connections kept for one endpoint: pool.ts hands them out, client-connection.ts is one, call.ts one request
export type { Carried, Carrier } from './client/carried.ts';
export type { ReceivedAnswer, WholeRequest } from './client/call.ts';
export type { Endpoint, PoolOptions } from './client/options.ts';
export { clientPool } from './client/pool.ts';
export type { Pool, PoolReport } from './client/pool.ts';
export { addressOf } from './cluster/address.ts';
export type { CircuitLimits, ClusterRefusal } from './cluster/circuit-limits.ts';
export type { ClusterReport, EjectionCause, EndpointReport, EndpointState } from './cluster/cluster-report.ts';
export type { ClusterEvent } from './cluster/cluster-event.ts';
export { BALANCERS } from './cluster/cluster-options.ts';
export type { BalancerName, ClusterOptions, ClusterPoolOptions } from './cluster/cluster-options.ts';
export type { AttemptOutcome, Cluster, ClusterEndpoint, Picked } from './cluster/cluster-types.ts';
export { openCluster } from './cluster/cluster.ts';
export { staticEndpoints } from './cluster/discovery.ts';
export type { Discovery, DiscoveryListener } from './cluster/discovery.ts';
export { dnsEndpoints, dnsServices } from './cluster/dns-endpoints.ts';
export type { DnsEndpointsOptions, DnsOptions, DnsServicesOptions } from './cluster/dns-endpoints.ts';
export { hashOf } from './cluster/hash.ts';
export type { HealthOptions } from './cluster/health-options.ts';
export type { ZoneOptions } from './cluster/near-first.ts';
export type {
  EjectionOptions,
  FailurePercentageOptions,
  OutlierOptions,
  ProbationOptions,
  SuccessRateOptions,
} from './cluster/outlier-options.ts';
export type { Finding, MakeProber, Prober } from './cluster/prober.ts';
export type { RefreshOptions } from './cluster/refreshed.ts';
export type { ResolvedAddress, ResolvedService, Resolver } from './cluster/resolver.ts';
export type { SlowStartOptions } from './cluster/slow-start.ts';
export { systemResolver } from './cluster/system-resolver.ts';
export { NET_ERRORS } from './errors.ts';
export { Fields } from './http1/fields.ts';
export { FieldSieve } from './http1/field-sieve.ts';
export type { FieldSieveOptions } from './http1/field-sieve.ts';
export { CHUNKED, UNTIL_CLOSE } from './http1/framing.ts';
export { requestHead, responseHead } from './http1/head-writer.ts';
export type { OutgoingFields } from './http1/head-writer.ts';
export type { MessageLimits } from './http1/limits.ts';
export type { Step } from './http1/message-reader.ts';
export type { RequestHead } from './http1/request-head.ts';
export { trailerLines } from './http1/trailer-lines.ts';
export { RequestReader } from './http1/request-reader.ts';
export type { ResponseHead } from './http1/response-head.ts';
export { ResponseReader } from './http1/response-reader.ts';
export type { BodySink } from './server/body-sink.ts';
export type { ListenAddress, ServerLimits, ServerOptions, WholeAnswer } from './server/options.ts';
export { serve } from './server/serve.ts';
export type { NetServer } from './server/serve.ts';
export type { Peer, RequestOwner, ServerRequest, StreamedAnswer, TakenOver } from './server/server-request.ts';
export type { ServerTls } from './server/acceptor.ts';
export { certificates } from './tls/certificates.ts';
export type { ClientCertificate, ClientProof } from './tls/client-certificate.ts';
export type { CertificatePair, CertificateReport, Certificates, CertificatesOptions } from './tls/certificates.ts';
