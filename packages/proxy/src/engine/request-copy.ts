import type { Edits } from './edited-lines.ts';
import type { Mirror } from './filter.ts';
import type { RequestPassage } from './request-passage.ts';
import { SideCall } from './side-call.ts';
import { upstreamHead } from './upstream-head.ts';

/** What is counted where no copy is sent. */
const NOT_SENT = 'MIRROR_SKIPPED';
/** How whoever gets a copy knows that it is one. */
const MARK = 'x-fairlead-mirror';

/** A request has been sent: its copies follow, once. */
export function sendCopies(passage: RequestPassage, traceLines: string, edits: Edits | undefined): void {
  const { mirrors = [] } = passage;
  passage.mirrors = undefined;
  for (const mirror of mirrors) sendCopy(passage, mirror, traceLines, edits);
}

/**
 * Sends a copy of a request as it goes upstream, of which nobody waits for anything: its answer is read and dropped, and how it ended
 * is counted as a call to that cluster. A body that isn't whole in memory would have to be waited for; then there is no copy.
 */
function sendCopy(passage: RequestPassage, mirror: Mirror, traceLines: string, edits: Edits | undefined): void {
  const { core, snapshot, rubric, request, body } = passage;
  const isWhole = request.head.bodyBytes === 0 || body !== undefined;
  const picked = isWhole && mirror.hasRoom ? snapshot.clusters.get(mirror.cluster)?.pick() : undefined;
  if (picked === undefined) return core.report.attempted(rubric, mirror.cluster, NOT_SENT, 0);
  const marked = new Map([...(edits ?? []), [MARK, '1'] as const]);
  const head = upstreamHead(passage, picked.pool.hostLine, traceLines, marked, false);
  const { method } = passage;
  mirror.began();
  const timer = core.clock.setTimer(mirror.timeoutMs, () => call.stop('timeout'));
  const call = new SideCall({ method, head, body, maxAnswerBytes: undefined }, picked, core.clock, {
    answered: nothing,
    failed: nothing,
    counted(said, latencyMs) {
      timer.cancel();
      core.report.attempted(rubric, mirror.cluster, said, latencyMs);
      mirror.ended();
    },
  });
  call.start();
}

function nothing(): void {
  // Nobody waits for it.
}
