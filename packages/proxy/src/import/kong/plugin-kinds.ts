import type { PluginImport } from './plugin-import.ts';
import { acl, ipRestriction, requestSizeLimiting } from './plugins/access.ts';
import { correlationId, cors, requestTermination } from './plugins/answers.ts';
import { basicAuth, jwt, keyAuth } from './plugins/auth.ts';
import { proxyCache } from './plugins/proxy-cache.ts';
import { rateLimiting, rateLimitingAdvanced } from './plugins/rate-limiting.ts';
import { requestTransformer, responseTransformer } from './plugins/transformers.ts';

/** The plugins that become filters. */
export const PLUGINS: readonly PluginImport[] = [
  correlationId,
  cors,
  jwt,
  keyAuth,
  basicAuth,
  ipRestriction,
  requestSizeLimiting,
  acl,
  rateLimiting,
  rateLimitingAdvanced,
  requestTransformer,
  responseTransformer,
  proxyCache,
  requestTermination,
];

/** Plugins that only watch: what they tell is told here without them. */
export const WATCHING: Readonly<Record<string, string>> = {
  prometheus: 'metrics are told at /metrics of fairlead gateway run --admin',
  datadog: 'metrics go out by OTLP, and are told at /metrics of fairlead gateway run --admin',
  statsd: 'metrics go out by OTLP, and are told at /metrics of fairlead gateway run --admin',
  opentelemetry: 'traces go out by OTLP, where the environment says so: OTEL_EXPORTER_OTLP_ENDPOINT',
  zipkin: 'traces go out by OTLP, where the environment says so: OTEL_EXPORTER_OTLP_ENDPOINT',
};

const CODE = 'runs code, which has no place at the edge; do it in a service';
const LOGS =
  'sends lines away; requests are lines on the standard error output here, to be taken from there: leave it out';
const MODELS = 'is about models of language, which is a service’s affair; put a service there';

/** Plugins that have no place, and why. */
export const REFUSED: Readonly<Record<string, string>> = {
  'pre-function': CODE,
  'post-function': CODE,
  'aws-lambda': 'calls a function instead of a service; put a service before it',
  'azure-functions': 'calls a function instead of a service; put a service before it',
  'http-log': LOGS,
  'file-log': LOGS,
  'tcp-log': LOGS,
  'udp-log': LOGS,
  syslog: LOGS,
  loggly: LOGS,
  'kafka-log': LOGS,
  acme: 'gets certificates; write acme into the listener’s tls here',
  oauth2: 'gives tokens out, which is an identity provider’s affair; verify its tokens with jwt',
  'hmac-auth': 'signs requests by secrets of consumers; use jwt or key-auth',
  'ldap-auth': 'asks a directory; use jwt of an identity provider that asks it',
  session: 'keeps sessions for other plugins; the filter oidc keeps its own',
  'bot-detection': 'tells robots by what they say of themselves; match the header user-agent in a route',
  'response-ratelimiting': 'counts by what answers say; limit requests',
  'openid-connect': 'is Kong’s enterprise edition’s; write the filter oidc or jwt in the imported form',
};

/** Why a plugin that is neither is refused. */
export function refusalOf(name: string): string | undefined {
  if (Object.hasOwn(REFUSED, name)) return REFUSED[name];
  return name.startsWith('ai-') ? MODELS : undefined;
}
