import { availableParallelism, cpus, totalmem } from 'node:os';

/** A sentence about what a benchmark ran on, such as `2 × AMD EPYC, 8 GiB, linux x64, Node 24.1.0`. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${availableParallelism()} × ${model}, ${memory}, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}
