import { z } from 'zod';
import { pluginImport } from '../plugin-import.ts';

const texts = z.array(z.string().min(1));

export const acl = pluginImport({
  name: 'acl',
  priority: 950,
  takesConsumers: false,
  form: z
    .strictObject({
      allow: texts.optional(),
      deny: texts.optional(),
      whitelist: texts.optional(),
      blacklist: texts.optional(),
      hide_groups_header: z.boolean().default(false),
      always_use_authenticated_groups: z.boolean().default(false),
      include_consumer_groups: z.boolean().default(false),
    })
    .refine(
      (config) =>
        [config.allow ?? config.whitelist, config.deny ?? config.blacklist].filter((list) => list !== undefined)
          .length === 1,
      {
        message: 'needs exactly one of allow and deny',
      },
    ),
  become(config, { report, place, what }) {
    const allow = config.allow ?? config.whitelist;
    const deny = config.deny ?? config.blacklist;
    if (config.include_consumer_groups)
      report.refuse(
        [...place, 'include_consumer_groups'],
        'takes consumer groups for groups; give consumers acls instead',
      );
    if (config.always_use_authenticated_groups)
      report.note(
        [...place, 'always_use_authenticated_groups'],
        what,
        'looks at the groups of consumers; there are no others here',
      );
    return {
      filters: [
        { type: 'acl', ...(allow === undefined ? {} : { allow }), ...(deny === undefined ? {} : { deny }) },
        ...(config.hide_groups_header
          ? []
          : [{ type: 'headers', request: { set: { 'x-consumer-groups': '{roles}' }, omitEmpty: true } }]),
      ],
    };
  },
});

export const ipRestriction = pluginImport({
  name: 'ip-restriction',
  priority: 990,
  form: z
    .strictObject({
      allow: texts.optional(),
      deny: texts.optional(),
      whitelist: texts.optional(),
      blacklist: texts.optional(),
      status: z.int().min(400).max(599).default(403),
      message: z.string().optional(),
    })
    .refine(
      (config) =>
        [config.allow, config.whitelist, config.deny, config.blacklist].some(
          (list) => list !== undefined && list.length > 0,
        ),
      {
        message: 'needs allow or deny',
      },
    ),
  become(config) {
    const allow = config.allow ?? config.whitelist ?? [];
    const deny = config.deny ?? config.blacklist ?? [];
    return {
      filters: [
        {
          type: 'ip',
          ...(allow.length === 0 ? {} : { allow }),
          ...(deny.length === 0 ? {} : { deny }),
          ...(config.status === 403 ? {} : { status: config.status }),
          ...(config.message === undefined ? {} : { detail: config.message }),
        },
      ],
    };
  },
});

const UNITS = { bytes: 1, kilobytes: 1_024, megabytes: 1_024 * 1_024 } as const;

export const requestSizeLimiting = pluginImport({
  name: 'request-size-limiting',
  priority: 951,
  form: z.strictObject({
    allowed_payload_size: z.int().min(0).default(128),
    size_unit: z.enum(['bytes', 'kilobytes', 'megabytes']).default('megabytes'),
    require_content_length: z.boolean().default(false),
  }),
  become(config) {
    const maxBodyBytes = config.allowed_payload_size * UNITS[config.size_unit];
    const filter = { type: 'request-size', max: `${maxBodyBytes}B`, requireLength: true };
    return { filters: config.require_content_length ? [filter] : [], maxBodyBytes };
  },
});
