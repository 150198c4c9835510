import { PROBLEM_CONTENT_TYPE, toProblem } from '@fairlead/core';
import type { FastifyInstance } from 'fastify';
import { fail } from '../errors.ts';

/** What Fastify's own errors mean here; undefined for any other error. */
function translated(error: unknown): unknown {
  if (!(error instanceof Error) || !('statusCode' in error)) return error;
  if (error.statusCode === 413) return fail('BODY_TOO_LARGE', 'The body is larger than this operation takes.');
  if (typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500)
    return fail('INVALID_INPUT', error.message);
  return error;
}

/** Makes every failure of a server a problem document; what went wrong inside is told to `onInternal`, never to the caller. */
export function answerProblems(app: FastifyInstance, onInternal: (error: unknown) => void): void {
  app.setErrorHandler((error, _request, reply) => {
    const problem = toProblem(translated(error));
    // That a service does not answer is no failure in here, and the caller is told.
    if (problem.status === 500) onInternal(error);
    return reply.code(problem.status).type(PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
  });
  app.setNotFoundHandler((request) => {
    throw fail('ROUTE_NOT_FOUND', `There is nothing at ${request.method} ${request.url.split('?')[0]}.`);
  });
}
