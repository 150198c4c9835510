import { chromium } from './chromium.ts';
import { haproxy } from './haproxy.ts';
import { kafka } from './kafka.ts';
import { nats } from './nats.ts';
import { nginx } from './nginx.ts';
import { pebble } from './pebble.ts';
import { postgresql } from './postgresql.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';
import type { ServerKind } from './server.ts';

/** Every server that can be had, in the order of the table. */
export const SERVER_KINDS: readonly ServerKind[] = [
  postgresql,
  redis,
  rabbitmq,
  nats,
  kafka,
  nginx,
  haproxy,
  pebble,
  chromium,
];
