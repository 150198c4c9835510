import type { OtlpAttribute, OtlpSpan, OtlpTraces } from '@fairlead/control';
import { plain, type Palette } from './colour.ts';
import { table } from './table.ts';

interface Node {
  readonly span: OtlpSpan;
  readonly service: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly children: Node[];
}

function attribute(attributes: readonly OtlpAttribute[] | undefined, key: string): string | undefined {
  return attributes?.find((entry) => entry.key === key)?.value?.stringValue;
}

const nanos = (value: string | number | undefined): bigint => BigInt(value ?? 0);

function nodesOf(trace: OtlpTraces): Map<string, Node> {
  const nodes = new Map<string, Node>();
  for (const { resource, scopeSpans } of trace.resourceSpans) {
    const service = attribute(resource?.attributes, 'service.name') ?? '?';
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      const node = {
        span,
        service,
        startNs: nanos(span.startTimeUnixNano),
        endNs: nanos(span.endTimeUnixNano),
        children: [],
      };
      nodes.set(span.spanId, node);
    }
  }
  return nodes;
}

const byStart = (a: Node, b: Node): number => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0);

/** The spans without a parent among them, each with its children, all in order of their start. */
function forest(nodes: ReadonlyMap<string, Node>): readonly Node[] {
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = node.span.parentSpanId === node.span.spanId ? undefined : nodes.get(node.span.parentSpanId ?? '');
    (parent?.children ?? roots).push(node);
  }
  for (const node of nodes.values()) node.children.sort(byStart);
  return roots.toSorted(byStart);
}

function milliseconds(ns: bigint): string {
  const ms = Number(ns) / 1e6;
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

const failed = ({ span }: Node): boolean => span.status?.code === 2 || span.status?.code === 'STATUS_CODE_ERROR';

const PARTIAL = 'There was too much to record this trace: these are only its failures.';

/** Whether the trace is not recorded, but for what failed in it. */
const isPartial = ({ span }: Node): boolean =>
  span.attributes?.some(({ key, value }) => key === 'fairlead.sampled' && value?.boolValue === false) === true;

/**
 * A trace as a tree, a line a span: when it began (since the trace did), how long it took, its service and its name.
 * A span whose parent has not arrived stands at the root. A last line says when only failures have been recorded.
 */
export function traceTree(trace: OtlpTraces, colour: Palette): readonly string[] {
  const nodes = nodesOf(trace);
  const roots = forest(nodes);
  const begin =
    [...nodes.values()].reduce<bigint | undefined>(
      (min, { startNs }) => (min === undefined || startNs < min ? startNs : min),
      undefined,
    ) ?? 0n;
  const end = [...nodes.values()].reduce((max, { endNs }) => (endNs > max ? endNs : max), begin);
  const rows: string[][] = [];
  const seen = new Set<Node>();

  function add(node: Node, own: string, below: string): void {
    if (seen.has(node)) return;
    seen.add(node);
    const message = node.span.status?.message;
    const mark = failed(node)
      ? ` ${colour.bad(`error${message === undefined || message === '' ? '' : `: ${plain(message)}`}`)}`
      : '';
    rows.push([
      `+${milliseconds(node.startNs - begin)}`.padStart(10),
      milliseconds(node.endNs > node.startNs ? node.endNs - node.startNs : 0n).padStart(10),
      `${colour.faint(own)}${colour.strong(plain(node.service))} ${plain(node.span.name ?? '').replaceAll('\n', ' ')}${mark}`,
    ]);
    for (const [index, child] of node.children.entries()) {
      const last = index === node.children.length - 1;
      add(child, `${below}${last ? '└─ ' : '├─ '}`, `${below}${last ? '   ' : '│  '}`);
    }
  }
  for (const root of roots) add(root, '', '');
  const services = new Set([...nodes.values()].map(({ service }) => service));
  const id = [...nodes.values()][0]?.span.traceId ?? '';
  const head = `trace ${id}  ${nodes.size} spans in ${services.size} services, ${milliseconds(end - begin)}`;
  return [
    colour.strong(head),
    ...table([[colour.faint('     BEGAN'), colour.faint('      TOOK'), colour.faint('SPAN')], ...rows]),
    ...([...nodes.values()].some(isPartial) ? [colour.faint(PARTIAL)] : []),
  ];
}
