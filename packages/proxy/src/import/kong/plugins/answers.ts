import { z } from 'zod';
import { pluginImport } from '../plugin-import.ts';

const MESSAGES: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  500: 'An unexpected error occurred',
  502: 'Bad Gateway',
  503: 'Service unavailable',
};
const BODILESS = [204, 205, 304];

export const requestTermination = pluginImport({
  name: 'request-termination',
  priority: 2,
  form: z
    .strictObject({
      status_code: z.int().min(100).max(599).default(503),
      message: z.string().optional(),
      content_type: z.string().optional(),
      body: z.string().optional(),
      echo: z.boolean().default(false),
      trigger: z.string().optional(),
    })
    .superRefine(({ message, content_type: type, body }, context) => {
      const say = (path: string, text: string): void =>
        context.addIssue({ code: 'custom', path: [path], message: text });
      if (message !== undefined && (type !== undefined || body !== undefined))
        say('message', 'stands beside content_type or body; write one of them');
      if (type !== undefined && body === undefined) say('content_type', 'is of a body, and there is none');
    }),
  become(config, { report, place, what }) {
    const { status_code: status, body, content_type: contentType, trigger } = config;
    if (status < 200) report.refuse([...place, 'status_code'], `is ${status}, which ends no request; write 200 to 599`);
    if (config.echo)
      report.refuse(
        [...place, 'echo'],
        'answers with the request itself, which has no place here; ask fairlead route explain',
      );
    const message = config.message ?? MESSAGES[status];
    const content =
      body !== undefined
        ? { body, contentType: contentType ?? 'text/plain; charset=utf-8' }
        : message === undefined || BODILESS.includes(status)
          ? {}
          : { json: { message } };
    if (BODILESS.includes(status) && (body !== undefined || config.message !== undefined))
      report.note(place, what, `answers ${status} without a body, which such answers never have`);
    return {
      filters: [
        {
          type: 'respond',
          status,
          ...(BODILESS.includes(status) ? {} : content),
          ...(trigger === undefined ? {} : { when: { header: trigger.toLowerCase(), query: trigger } }),
        },
      ],
    };
  },
});

export const correlationId = pluginImport({
  name: 'correlation-id',
  priority: 100_001,
  takesConsumers: false,
  form: z.strictObject({
    header_name: z.string().min(1).default('Kong-Request-ID'),
    generator: z.enum(['uuid', 'uuid#counter', 'tracker']).default('uuid#counter'),
    echo_downstream: z.boolean().default(false),
  }),
  become(config, { report, place, what }) {
    if (config.generator === 'tracker')
      report.note(
        [...place, 'generator'],
        what,
        'makes uuids; those of tracker tell strangers addresses and process ids',
      );
    return {
      filters: [
        {
          type: 'correlation-id',
          header: config.header_name.toLowerCase(),
          ...(config.generator === 'uuid#counter' ? { generator: 'uuid-counter' } : {}),
          ...(config.echo_downstream ? { echo: true } : {}),
        },
      ],
    };
  },
});

const METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];

export const cors = pluginImport({
  name: 'cors',
  priority: 2_000,
  takesConsumers: false,
  form: z.strictObject({
    origins: z.array(z.string().min(1)).optional(),
    headers: z.array(z.string().min(1)).optional(),
    exposed_headers: z.array(z.string().min(1)).optional(),
    methods: z
      .array(z.enum(['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']))
      .optional(),
    max_age: z.number().min(0).optional(),
    credentials: z.boolean().default(false),
    private_network: z.boolean().default(false),
    preflight_continue: z.boolean().default(false),
    allow_origin_absent: z.boolean().default(true),
  }),
  become(config, { report, place, what }) {
    const written = config.origins ?? [];
    const origins = written.length === 0 || written.includes('*') ? ['*'] : written.map((text) => originOf(text));
    if (origins.includes('*') && config.credentials)
      report.refuse(
        [...place, 'credentials'],
        'lets pages of any origin act as their reader; name the origins, or leave credentials out',
      );
    report.note(
      place,
      what,
      'answers preflights with 204 instead of 200, and adds nothing to answers that no page of another origin asked for',
    );
    const { headers = [], exposed_headers: exposed = [], max_age: maxAge } = config;
    return {
      filters: [
        {
          type: 'cors',
          origins,
          methods: config.methods === undefined || config.methods.length === 0 ? METHODS : config.methods,
          // What browsers ask for is what they are told: all fields, and the one that * does not stand for.
          headers: headers.length === 0 ? (config.credentials ? ['*'] : ['*', 'authorization']) : headers,
          ...(exposed.length === 0 ? {} : { exposed }),
          ...(config.credentials ? { credentials: true } : {}),
          ...(maxAge === undefined ? {} : { maxAge: `${Math.floor(maxAge)}s` }),
          ...(config.private_network ? { privateNetwork: true } : {}),
          ...(config.preflight_continue ? { forwardPreflights: true } : {}),
        },
      ],
    };
  },
});

/** An origin as ours are written: as it is, or as an expression; one without a scheme is a host at any port. */
function originOf(text: string): string | { readonly regex: string } {
  const isRegex = /[^A-Za-z0-9.:/-]/.test(text);
  const source = isRegex ? text.replace(/^\^/, '').replace(/\$$/, '') : text.replaceAll('.', String.raw`\.`);
  if (!text.includes(':')) return { regex: `https?://(?:${source})(?::\\d+)?` };
  return isRegex ? { regex: source } : text.replace(/\/$/, '');
}
