// redis-limits.ts      counts the calls of several processes together in Redis
// limit-script.ts      the decision, as Redis runs it
export { redisLimits } from './redis-limits.ts';
export type { RedisLimitClient, RedisLimitOptions } from './redis-limits.ts';
