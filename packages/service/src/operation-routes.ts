import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { FairleadError } from '@fairlead/core';
import { CONTRACT_ERRORS } from '@fairlead/contract';
import type { ServiceInstance } from './service-instance.ts';

const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json\s*(?:;|$)/i;

/**
 * The contract's operations as Fastify routes, in a scope of their own: there a body is JSON and stays text, while
 * plugins keep Fastify's parsers.
 */
export function operationRoutes(instance: ServiceInstance, maxBodyBytes: number) {
  return async (scope: FastifyInstance): Promise<void> => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(JSON_MEDIA_TYPE, { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
      if (maxBodyBytes === 0 && body.length > 0) {
        done(new FairleadError('too-large', 'BODY_TOO_LARGE', 'This service takes no request body.'));
        return;
      }
      if (body.length === 0) done(null);
      else if (isUtf8(body)) done(null, body.toString('utf8'));
      else done(new FairleadError(CONTRACT_ERRORS.INVALID_INPUT, 'INVALID_INPUT', 'The body is not UTF-8.'));
    });

    for (const operation of Object.values(instance.definition.contract.operations)) {
      scope.route({
        method: operation.method,
        url: operation.path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1'),
        async handler(request, reply) {
          const answer = await instance.handle({
            service: instance.name,
            operation: operation.name,
            method: request.method,
            path: request.originalUrl,
            headers: textHeaders(request.headers),
            // The parser above makes text of every body.
            body: request.body as string | undefined,
            ctx: request.ctx,
          });
          return reply.code(answer.status).headers(answer.headers).send(answer.body);
        },
      });
    }
  };
}

type NodeHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The headers that came once, or that Node has joined. */
function textHeaders(headers: NodeHeaders): Readonly<Record<string, string>> {
  if (areTexts(headers)) return headers;
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function areTexts(headers: NodeHeaders): headers is Readonly<Record<string, string>> {
  for (const name in headers) if (typeof headers[name] !== 'string') return false;
  return true;
}
