import type { Layer } from '../exchange.ts';
import { fail } from '../errors.ts';

/** The name under which the edge calls. */
export const GATEWAY = 'gateway';

/** What is meant for services only does not exist for the edge. */
export const visible: Layer = (call, next) => {
  const { operation, ctx, request } = call;
  if (operation.visibility === 'internal' && ctx.caller.service === GATEWAY)
    throw notFound(request.method, request.path);
  return next(call);
};

/** The caller needs one of the operation's roles. */
export const permitted: Layer = (call, next) => {
  const { operation, ctx } = call;
  if (operation.roles.length > 0 && !operation.roles.some((role) => ctx.caller.roles.includes(role))) {
    const who = ctx.caller.subject === undefined ? 'The caller' : `"${ctx.caller.subject}"`;
    throw fail('FORBIDDEN', `${who} may not ${operation.name}: it takes the role ${operation.roles.join(' or ')}.`, {
      details: { roles: operation.roles },
    });
  }
  return next(call);
};

/** What an unknown path gets, and a hidden one too, so that the two can't be told apart. */
export function notFound(method: string, path: string) {
  return fail('NOT_FOUND', `There is nothing at ${method} ${path.split('?', 1)[0]}.`);
}
