import { z } from 'zod';

// A declarative configuration, as Kong and decK write it. What has no place here is in the forms all the same, where there is
// something to say of it; the rest is refused as unknown, with the nearest name.

const text = z.string();
const texts = z.array(text);
const count = z.int().min(0);
const milliseconds = z.int().min(1).max(2_147_483_646);

/** What entities have and nobody routes by. */
const META = {
  id: text.optional(),
  tags: texts.optional(),
  created_at: z.number().optional(),
  updated_at: z.number().optional(),
  ws_id: text.optional(),
  _comment: text.optional(),
  _ignore: z.array(z.unknown()).optional(),
} as const;

/** Another entity, by its id or its name. */
export const referenceForm = z.union([
  text,
  z
    .strictObject({ id: text, name: text, username: text, custom_id: text, tags: texts })
    .partial()
    .refine((named) => Object.keys(named).length > 0, { message: 'names nobody; write id or name' }),
]);

/** As `referenceForm` reads it. */
export type KongReference = z.output<typeof referenceForm>;

export const pluginForm = z.strictObject({
  ...META,
  name: text,
  instance_name: text.optional(),
  config: z.record(text, z.unknown()).optional(),
  enabled: z.boolean().optional(),
  protocols: texts.optional(),
  service: referenceForm.optional(),
  route: referenceForm.optional(),
  consumer: referenceForm.optional(),
  consumer_group: referenceForm.optional(),
  run_on: text.optional(),
  ordering: z.unknown().optional(),
  condition: z.unknown().optional(),
  partials: z.unknown().optional(),
  _config: text.optional(),
});

export const routeForm = z.strictObject({
  ...META,
  name: text.optional(),
  service: referenceForm.optional(),
  protocols: texts.min(1).optional(),
  methods: texts.optional(),
  hosts: texts.optional(),
  paths: texts.optional(),
  headers: z.record(text, texts.min(1)).optional(),
  snis: texts.optional(),
  sources: z.array(z.strictObject({ ip: text.optional(), port: count.optional() })).optional(),
  destinations: z.array(z.unknown()).optional(),
  regex_priority: z.int().optional(),
  strip_path: z.boolean().optional(),
  path_handling: z.enum(['v0', 'v1']).optional(),
  preserve_host: z.boolean().optional(),
  https_redirect_status_code: z.union([426, 301, 302, 307, 308].map((code) => z.literal(code))).optional(),
  request_buffering: z.boolean().optional(),
  response_buffering: z.boolean().optional(),
  expression: text.optional(),
  priority: z.int().optional(),
  filter_chains: z.unknown().optional(),
  plugins: z.array(pluginForm).optional(),
});

export const serviceForm = z.strictObject({
  ...META,
  name: text.optional(),
  url: text.optional(),
  protocol: text.optional(),
  host: text.optional(),
  port: z.int().min(0).max(65_535).optional(),
  path: text.optional(),
  retries: z.int().min(0).max(32_767).optional(),
  connect_timeout: milliseconds.optional(),
  write_timeout: milliseconds.optional(),
  read_timeout: milliseconds.optional(),
  client_certificate: referenceForm.optional(),
  tls_verify: z.boolean().optional(),
  tls_verify_depth: count.optional(),
  tls_sans: z.unknown().optional(),
  ca_certificates: texts.optional(),
  enabled: z.boolean().optional(),
  filter_chains: z.unknown().optional(),
  routes: z.array(routeForm).optional(),
  plugins: z.array(pluginForm).optional(),
});

export const targetForm = z.strictObject({
  ...META,
  target: text,
  upstream: referenceForm.optional(),
  weight: z.int().min(0).max(65_535).optional(),
  failover: z.boolean().optional(),
});

const statuses = z.array(z.int().min(100).max(999));
const healthy = z
  .strictObject({ interval: z.number().min(0), http_statuses: statuses, successes: count })
  .partial()
  .optional();
const unhealthy = z
  .strictObject({
    interval: z.number().min(0),
    http_statuses: statuses,
    tcp_failures: count,
    timeouts: count,
    http_failures: count,
  })
  .partial()
  .optional();
const probe = {
  type: z.enum(['http', 'https', 'tcp', 'grpc', 'grpcs']).optional(),
  healthy,
  unhealthy,
} as const;

export const upstreamForm = z.strictObject({
  ...META,
  name: text,
  algorithm: text.optional(),
  slots: count.optional(),
  hash_on: text.optional(),
  hash_fallback: text.optional(),
  hash_on_header: text.optional(),
  hash_fallback_header: text.optional(),
  hash_on_cookie: text.optional(),
  hash_on_cookie_path: text.optional(),
  hash_on_query_arg: text.optional(),
  hash_fallback_query_arg: text.optional(),
  hash_on_uri_capture: text.optional(),
  hash_fallback_uri_capture: text.optional(),
  sticky_sessions_cookie: text.optional(),
  sticky_sessions_cookie_path: text.optional(),
  host_header: text.optional(),
  client_certificate: referenceForm.optional(),
  use_srv_name: z.boolean().optional(),
  healthchecks: z
    .strictObject({
      active: z
        .strictObject({
          ...probe,
          timeout: z.number().min(0).optional(),
          concurrency: count.optional(),
          http_path: text.optional(),
          https_sni: text.optional(),
          https_verify_certificate: z.boolean().optional(),
          headers: z.record(text, texts).optional(),
        })
        .optional(),
      passive: z.strictObject(probe).optional(),
      threshold: z.number().min(0).max(100).optional(),
    })
    .optional(),
  targets: z.array(targetForm).optional(),
});

const OF_CONSUMER = { ...META, consumer: referenceForm.optional() } as const;
export const keyForm = z.strictObject({ ...OF_CONSUMER, key: text.optional(), ttl: count.optional() });
export const passwordForm = z.strictObject({ ...OF_CONSUMER, username: text, password: text });
export const tokenSecretForm = z.strictObject({
  ...OF_CONSUMER,
  key: text.optional(),
  secret: text.optional(),
  rsa_public_key: text.optional(),
  algorithm: text.optional(),
});
export const groupForm = z.strictObject({ ...OF_CONSUMER, group: text });

/** Credentials by the lists that they stand in, below a consumer or by themselves. */
export const CREDENTIAL_FORMS = {
  keyauth_credentials: keyForm,
  basicauth_credentials: passwordForm,
  jwt_secrets: tokenSecretForm,
  acls: groupForm,
} as const;

/** Credentials for plugins that there are not. */
const OTHER_CREDENTIALS = {
  hmacauth_credentials: z.unknown().optional(),
  oauth2_credentials: z.unknown().optional(),
  mtls_auth_credentials: z.unknown().optional(),
  keyauth_enc_credentials: z.unknown().optional(),
} as const;

const credentialLists = {
  keyauth_credentials: z.array(keyForm).optional(),
  basicauth_credentials: z.array(passwordForm).optional(),
  jwt_secrets: z.array(tokenSecretForm).optional(),
  acls: z.array(groupForm).optional(),
} as const;

export const consumerForm = z.strictObject({
  ...META,
  username: text.optional(),
  custom_id: text.optional(),
  type: text.optional(),
  ...credentialLists,
  ...OTHER_CREDENTIALS,
  groups: z.array(referenceForm).optional(),
  plugins: z.array(pluginForm).optional(),
});

export const consumerGroupForm = z.strictObject({
  ...META,
  name: text,
  consumers: z.array(referenceForm).optional(),
  plugins: z.array(pluginForm).optional(),
});

/** As DB-less files write it, where decK nests: who is in a group, and what works for it. */
const membershipForm = z.strictObject({ ...META, consumer: referenceForm, consumer_group: referenceForm });
const groupPluginForm = pluginForm.extend({ consumer_group: referenceForm });
/** Which plugin takes in which part of others. */
const takenPartForm = z.strictObject({
  ...META,
  plugin: referenceForm,
  partial: referenceForm,
  path: text.optional(),
});

export const certificateForm = z.strictObject({
  ...META,
  cert: text.optional(),
  key: text.optional(),
  cert_alt: text.optional(),
  key_alt: text.optional(),
  snis: z.array(z.union([text, z.strictObject({ ...META, name: text })])).optional(),
});

export const sniForm = z.strictObject({ ...META, name: text, certificate: referenceForm });

/** Values that entities have where they say nothing, as decK fills them in. */
const defaults = z
  .strictObject({
    service: serviceForm.partial(),
    route: routeForm.partial(),
    upstream: upstreamForm.partial(),
    target: targetForm.partial(),
  })
  .partial();

/** The whole file. */
export const kongForm = z.strictObject({
  _format_version: z
    .union([text, z.number()])
    .transform((version) => (typeof version === 'number' ? version.toFixed(1) : version))
    .refine((version) => ['1.1', '2.1', '3.0'].includes(version), { message: 'must be "1.1", "2.1" or "3.0"' })
    .optional(),
  _transform: z.boolean().optional(),
  _comment: text.optional(),
  _ignore: z.array(z.unknown()).optional(),
  _workspace: text.optional(),
  _konnect: z.unknown().optional(),
  _info: z.looseObject({ select_tags: texts.optional(), defaults: defaults.optional() }).optional(),
  _plugin_configs: z.record(text, z.record(text, z.unknown())).optional(),
  services: z.array(serviceForm).optional(),
  routes: z.array(routeForm).optional(),
  upstreams: z.array(upstreamForm).optional(),
  targets: z.array(targetForm).optional(),
  consumers: z.array(consumerForm).optional(),
  consumer_groups: z.array(consumerGroupForm).optional(),
  consumer_group_consumers: z.array(membershipForm).optional(),
  consumer_group_plugins: z.array(groupPluginForm).optional(),
  plugins_partials: z.array(takenPartForm).optional(),
  plugins: z.array(pluginForm).optional(),
  certificates: z.array(certificateForm).optional(),
  snis: z.array(sniForm).optional(),
  ...credentialLists,
  ...OTHER_CREDENTIALS,
  ca_certificates: z.unknown().optional(),
  vaults: z.unknown().optional(),
  filter_chains: z.unknown().optional(),
  key_sets: z.unknown().optional(),
  keys: z.unknown().optional(),
  partials: z.unknown().optional(),
  custom_entities: z.unknown().optional(),
  custom_plugins: z.unknown().optional(),
  cloned_plugins: z.unknown().optional(),
  rbac_roles: z.unknown().optional(),
  service_packages: z.unknown().optional(),
});

/** A file, as it is written. */
export type KongFile = z.output<typeof kongForm>;
export type KongService = z.output<typeof serviceForm>;
export type KongRoute = z.output<typeof routeForm>;
export type KongUpstream = z.output<typeof upstreamForm>;
export type KongTarget = z.output<typeof targetForm>;
export type KongConsumer = z.output<typeof consumerForm>;
export type KongPlugin = z.output<typeof pluginForm>;
export type KongCertificate = z.output<typeof certificateForm>;
