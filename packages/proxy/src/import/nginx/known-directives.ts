/** Where a directive stands. */
export type Context = 'main' | 'events' | 'http' | 'server' | 'location' | 'upstream' | 'if' | 'limit_except';

/** What becomes of a directive. */
export type Treatment =
  /** Something reads it. */
  | { readonly kind: 'used' }
  /** It is about nginx's own affairs: what is promised holds without it. */
  | { readonly kind: 'quiet' }
  /** Left out, and people are told what that means. */
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** What becomes of a directive, by what it says. */
export type Judged = (words: readonly string[]) => Treatment;

/** A directive that nginx has. */
export interface KnownDirective {
  readonly contexts: readonly Context[];
  readonly treatment: Treatment | Judged;
}

/** What becomes of this directive. */
export function treatmentOf({ treatment }: KnownDirective, words: readonly string[]): Treatment {
  return typeof treatment === 'function' ? treatment(words) : treatment;
}

const HTTP: readonly Context[] = ['http', 'server', 'location'];
const USED: Treatment = { kind: 'used' };
const QUIET: Treatment = { kind: 'quiet' };
const note = (text: string): Treatment => ({ kind: 'note', note: text });
const refused = (reason: string): Treatment => ({ kind: 'refused', reason });
/** Written as what nginx does by itself and what is done here, too, there is nothing to say of it. */
const unless =
  (same: string, otherwise: Treatment): Judged =>
  (words) =>
    words.join(' ') === same ? QUIET : otherwise;
/** Of what is spoken with upstreams: what may not be spoken below must not be weakened. */
const upstreamProtocols: Judged = (words) =>
  words.includes('TLSv1.2')
    ? note('what is behind is spoken to by TLS 1.2 or 1.3')
    : refused('leaves out TLS 1.2, which is spoken here when what is behind has no 1.3; have that take 1.3 only');
const HARMLESS_COMMANDS = new Set(['Options KTLS', 'Options PrioritizeChaCha', 'Options KTLS,PrioritizeChaCha']);
const opensslCommand: Judged = (words) =>
  HARMLESS_COMMANDS.has(words.join(' '))
    ? QUIET
    : refused('sets OpenSSL itself, which is not possible here; ssl_protocols says which versions are spoken');
const ANY_LENGTH = note('chains of certificates may be longer than that here, as long as they end at the authority');

const FILES = refused(
  'serves files, which a gateway does not; put a server of files behind it and pass requests on with proxy_pass',
);
const OTHER_PROTOCOL = refused('speaks another protocol than HTTP to what is behind; a gateway passes on HTTP');
const SCRIPT = refused('runs a program in the gateway; put it into a service and pass requests on with proxy_pass');
const BODIES = refused('changes what answers say; do it where they are made');

/** Names that are treated alike, by where they may stand. */
const GROUPS: readonly (readonly [
  names: string,
  contexts: readonly Context[],
  treatment: KnownDirective['treatment'],
])[] = [
  ['http', ['main'], USED],
  ['events', ['main'], QUIET],
  [
    'daemon master_process worker_processes worker_cpu_affinity worker_priority worker_rlimit_nofile worker_rlimit_core worker_shutdown_timeout pid lock_file user env debug_points pcre_jit working_directory timer_resolution thread_pool ssl_engine load_module',
    ['main'],
    QUIET,
  ],
  ['stream mail', ['main'], refused('passes on connections instead of requests; the gateway takes HTTP only')],
  ['error_log', ['main', 'http', 'server', 'location'], QUIET],
  [
    'access_log log_format open_log_file_cache log_not_found log_subrequest',
    ['http', 'server', 'location', 'if'],
    QUIET,
  ],
  [
    'worker_connections multi_accept use accept_mutex accept_mutex_delay debug_connection worker_aio_requests',
    ['events'],
    QUIET,
  ],

  ['server', ['http', 'upstream'], USED],
  ['upstream map', ['http'], USED],
  ['limit_req_zone limit_conn_zone', ['http'], USED],
  ['location', ['server', 'location'], USED],
  ['listen server_name', ['server'], USED],
  ['if', ['server', 'location'], USED],
  ['set return rewrite', ['server', 'location', 'if'], USED],
  ['break', ['server', 'location', 'if'], USED],
  ['limit_except', ['location'], USED],
  ['internal', ['location'], USED],
  ['proxy_pass', ['location', 'if', 'limit_except'], USED],
  [
    'proxy_set_header proxy_hide_header proxy_pass_request_body proxy_pass_request_headers proxy_http_version proxy_connect_timeout proxy_read_timeout proxy_send_timeout proxy_next_upstream proxy_next_upstream_tries proxy_next_upstream_timeout proxy_redirect proxy_intercept_errors proxy_method proxy_ssl_verify proxy_ssl_certificate proxy_ssl_trusted_certificate proxy_ssl_name proxy_ssl_server_name',
    HTTP,
    USED,
  ],
  ['add_header', ['http', 'server', 'location', 'if'], USED],
  ['auth_request auth_request_set', HTTP, USED],
  ['limit_req limit_conn limit_req_status limit_conn_status limit_req_dry_run limit_conn_dry_run', HTTP, USED],
  ['allow deny', [...HTTP, 'limit_except'], USED],
  ['auth_basic auth_basic_user_file', [...HTTP, 'limit_except'], USED],
  ['satisfy', HTTP, USED],
  ['error_page', HTTP, USED],
  ['client_max_body_size default_type', HTTP, USED],
  ['keepalive_timeout send_timeout client_body_timeout', HTTP, USED],
  [
    'client_header_timeout large_client_header_buffers ignore_invalid_headers underscores_in_headers',
    ['http', 'server'],
    USED,
  ],
  ['gzip gzip_types gzip_min_length gzip_comp_level gzip_vary gzip_proxied', HTTP, USED],
  [
    'ssl_certificate ssl_certificate_key ssl_protocols ssl_client_certificate ssl_verify_client http2',
    ['http', 'server'],
    USED,
  ],
  ['ssl', ['http', 'server'], refused('belongs to listen: write listen 443 ssl;')],
  [
    'proxy_cache proxy_cache_valid proxy_cache_key proxy_cache_path proxy_cache_bypass proxy_no_cache proxy_cache_methods proxy_cache_min_uses proxy_cache_use_stale proxy_cache_background_update proxy_cache_lock proxy_cache_lock_timeout proxy_cache_lock_age proxy_cache_revalidate proxy_cache_max_range_offset proxy_cache_convert_head proxy_ignore_headers',
    HTTP,
    USED,
  ],
  ['set_real_ip_from real_ip_header real_ip_recursive', HTTP, USED],
  ['root alias', HTTP, USED],
  ['index', HTTP, USED],
  ['try_files', ['server', 'location'], FILES],
  ['autoindex random_index dav_methods mp4 flv slice', HTTP, FILES],
  ['expires', [...HTTP, 'if'], USED],

  ['zone keepalive least_conn ip_hash hash random', ['upstream'], USED],
  ['keepalive_requests keepalive_time', ['upstream', ...HTTP], QUIET],
  [
    'sticky sticky_cookie_insert',
    ['upstream'],
    refused('is part of the commercial nginx; hash $cookie_… consistent keeps clients with a server, too'),
  ],
  ['queue ntlm state resolver', ['upstream'], refused('is part of the commercial nginx and not known here')],

  [
    'sendfile sendfile_max_chunk tcp_nopush tcp_nodelay aio aio_write directio directio_alignment output_buffers postpone_output open_file_cache open_file_cache_valid open_file_cache_min_uses open_file_cache_errors read_ahead types types_hash_max_size types_hash_bucket_size server_names_hash_max_size server_names_hash_bucket_size variables_hash_max_size variables_hash_bucket_size map_hash_max_size map_hash_bucket_size proxy_headers_hash_max_size proxy_headers_hash_bucket_size limit_req_log_level limit_conn_log_level etag if_modified_since disable_symlinks reset_timedout_connection lingering_close lingering_time lingering_timeout keepalive_disable server_tokens msie_padding client_body_in_file_only client_body_in_single_buffer client_body_temp_path client_body_buffer_size client_header_buffer_size connection_pool_size request_pool_size recursive_error_pages resolver_timeout rewrite_log uninitialized_variable_warn',
    ['http', 'server', 'location', 'if'],
    QUIET,
  ],
  [
    'proxy_buffering proxy_buffers proxy_buffer_size proxy_busy_buffers_size proxy_max_temp_file_size proxy_temp_file_write_size proxy_temp_path proxy_request_buffering proxy_socket_keepalive proxy_headers_hash_max_size proxy_ssl_session_reuse proxy_pass_header fastcgi_temp_path scgi_temp_path uwsgi_temp_path fastcgi_buffers fastcgi_buffer_size fastcgi_read_timeout',
    HTTP,
    QUIET,
  ],
  [
    'ssl_session_cache ssl_session_timeout ssl_session_tickets ssl_session_ticket_key ssl_buffer_size',
    ['http', 'server'],
    QUIET,
  ],
  [
    'ssl_ciphers ssl_prefer_server_ciphers ssl_dhparam ssl_ecdh_curve',
    ['http', 'server'],
    note('the ciphers are those of the runtime, without the weak ones'),
  ],
  ['ssl_early_data', ['http', 'server'], unless('off', note('early data, which others can send again, are not taken'))],
  ['ssl_conf_command', ['http', 'server'], opensslCommand],
  ['proxy_ssl_conf_command', HTTP, opensslCommand],
  ['ssl_verify_depth', ['http', 'server'], ANY_LENGTH],
  ['proxy_ssl_verify_depth', HTTP, ANY_LENGTH],
  ['proxy_ssl_protocols', HTTP, upstreamProtocols],
  ['proxy_ssl_ciphers', HTTP, note('the ciphers are those of the runtime, without the weak ones')],
  [
    'proxy_bind',
    HTTP,
    unless(
      'off',
      refused('says from which address what is behind is asked, which is not known here; the system chooses it'),
    ),
  ],
  [
    'proxy_ignore_client_abort',
    HTTP,
    unless('off', note('when a client goes away, what is behind is left at once, and may not end what it does')),
  ],
  [
    'proxy_force_ranges',
    HTTP,
    unless(
      'off',
      note('parts of answers are given by what is behind, or by a cache; nothing is cut out of what streams by'),
    ),
  ],
  [
    'max_ranges',
    HTTP,
    note('how many parts a client may ask for is up to what is behind; a cache gives one, or the whole'),
  ],
  [
    'gunzip',
    HTTP,
    unless('off', note('what is compressed behind stays so, also to clients that do not say they take it')),
  ],
  ['gzip_disable', HTTP, note('clients are told apart by Accept-Encoding alone')],
  [
    'charset source_charset override_charset charset_types',
    [...HTTP, 'if'],
    unless(
      'off',
      note('Content-Type stays as what is behind says it, without a charset added, and no text is converted'),
    ),
  ],
  [
    'chunked_transfer_encoding',
    HTTP,
    unless('on', note('what has no length is sent in chunks to who speaks HTTP/1.1')),
  ],
  [
    'server_name_in_redirect',
    HTTP,
    unless('off', note('redirects name the host that was asked for, not the first of server_name')),
  ],
  ['absolute_redirect', HTTP, unless('on', note('redirects are absolute: they name scheme and host'))],
  ['port_in_redirect', HTTP, unless('on', note('redirects that nginx makes by itself name the port of listen'))],
  ['resolver', ['http', 'server', 'location'], note('names are looked up as the system does it, with its servers')],
  [
    'ssl_stapling ssl_stapling_verify ssl_stapling_file ssl_stapling_responder',
    ['http', 'server'],
    note('answers of OCSP are not stapled'),
  ],
  [
    'ssl_trusted_certificate',
    ['http', 'server'],
    note('certificates of clients are verified by ssl_client_certificate alone'),
  ],
  ['ssl_crl ssl_password_file ssl_reject_handshake ssl_ocsp', ['http', 'server'], refused('is not known here')],
  ['gzip_http_version gzip_buffers gzip_static', HTTP, QUIET],
  ['merge_slashes', ['http', 'server'], note('paths with empty segments are refused with 400 instead of being merged')],
  [
    'limit_rate limit_rate_after',
    [...HTTP, 'if'],
    refused('is not known here: answers go out as fast as clients take them'),
  ],
  ['proxy_limit_rate', HTTP, refused('is not known here: answers come as fast as clients take them')],
  ['proxy_store proxy_store_access', HTTP, FILES],
  ['proxy_set_body', HTTP, BODIES],
  [
    'proxy_cookie_domain proxy_cookie_path proxy_cookie_flags',
    HTTP,
    refused('changes cookies, which is not known here; set them right where they are made'),
  ],
  [
    'sub_filter sub_filter_once sub_filter_types sub_filter_last_modified addition_types add_before_body add_after_body ssi xslt_stylesheet image_filter add_trailer',
    HTTP,
    BODIES,
  ],
  [
    'proxy_ssl_certificate_key proxy_ssl_password_file proxy_ssl_crl',
    HTTP,
    refused('shows a certificate to what is behind, which is not known here'),
  ],
  [
    'mirror mirror_request_body',
    HTTP,
    refused('is written as the filter mirror here; leave it out and add the filter to the converted configuration'),
  ],
  [
    'geo split_clients geoip_country geoip_city',
    ['http'],
    refused('makes a variable of tables that are not known here'),
  ],
  [
    'valid_referers',
    ['server', 'location'],
    refused('is about Referer, which anybody can write; it is not known here'),
  ],
  ['referer_hash_max_size referer_hash_bucket_size', HTTP, QUIET],
  [
    'secure_link secure_link_md5 secure_link_secret',
    HTTP,
    refused('is not known here; let a service decide with auth_request'),
  ],
  [
    'auth_jwt auth_jwt_key_file auth_jwt_key_request',
    [...HTTP],
    refused('is part of the commercial nginx; write the filter jwt into the converted configuration'),
  ],
  [
    'stub_status status api',
    ['server', 'location'],
    refused('tells of nginx itself; the gateway tells operators at --admin'),
  ],
  ['userid', HTTP, refused('is not known here')],
  ['empty_gif perl js_content js_set js_import js_access lua_package_path', HTTP, SCRIPT],
  [
    'access_by_lua_block content_by_lua_block rewrite_by_lua_block header_filter_by_lua_block body_filter_by_lua_block log_by_lua_block init_by_lua_block set_by_lua_block access_by_lua_file content_by_lua_file rewrite_by_lua_file',
    ['http', 'server', 'location', 'if'],
    SCRIPT,
  ],
  ['fastcgi_pass uwsgi_pass scgi_pass memcached_pass', ['location', 'if'], OTHER_PROTOCOL],
  [
    'fastcgi_param fastcgi_index fastcgi_split_path_info uwsgi_param scgi_param',
    ['http', 'server', 'location'],
    OTHER_PROTOCOL,
  ],
  [
    'grpc_pass',
    ['location', 'if'],
    refused('is not known here; write protocol: h2 at the cluster in the converted configuration'),
  ],
  [
    'http2_max_concurrent_streams http2_chunk_size http2_max_requests http2_idle_timeout http2_recv_timeout http2_push http2_push_preload http2_body_preread_size',
    HTTP,
    QUIET,
  ],
  ['http3 quic_retry', ['http', 'server'], refused('is HTTP/3, which the gateway does not speak')],
  ['proxy_protocol_timeout', ['http', 'server'], QUIET],
  ['subrequest_output_buffer_size', HTTP, QUIET],
];

/** The directives of nginx, by name. */
export const KNOWN_DIRECTIVES: ReadonlyMap<string, KnownDirective> = new Map(
  GROUPS.flatMap(([names, contexts, treatment]) =>
    names.split(' ').map((name) => [name, { contexts, treatment }] as const),
  ),
);
