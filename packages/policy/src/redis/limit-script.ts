/**
 * Decides about one call, atomically and by Redis's own clock; the same arithmetic as `Gcra`. What is kept of a limit is
 * its debt in usual calls and when that was, in microseconds; it goes by itself when the debt has leaked, as no debt is
 * as good as no key.
 *
 * KEYS[1] the limit; ARGV: calls, microseconds that they are for, burst, cost.
 * Answers {1 when let through, what is still available, microseconds to wait or −1 for ever}, numbers as text, since
 * Redis cuts off the fraction of numbers.
 */
export const LIMIT_SCRIPT = `
local count, per, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debt, at = 0, now
local kept = redis.call('GET', KEYS[1])
if kept then
  local a, b = string.match(kept, '^(%S+) (%S+)$')
  debt, at = tonumber(a) or 0, tonumber(b) or now
  if now > at then
    debt = math.max(0, debt - (now - at) * count / per)
    at = now
  end
end
local available = math.max(0, burst - debt)
if cost > burst then return {0, string.format('%.6f', available), '-1'} end
local over = debt + cost - burst
if over > 0.000001 then
  return {0, string.format('%.6f', available), string.format('%.0f', math.ceil(over * per / count))}
end
debt = debt + cost
local leaked = math.ceil((at - now + debt * per / count) / 1000)
redis.call('SET', KEYS[1], string.format('%.17g %.17g', debt, at), 'PX', string.format('%.0f', math.max(1, leaked)))
return {1, string.format('%.6f', math.max(0, burst - debt)), '0'}
`;
