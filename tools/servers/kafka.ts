import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { converse, portOf } from './conversation.ts';
import { findProgram, requireProgram, runProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

const VERSION = '4.1.1';
/** One node's cluster; any 16 bytes in base64url. */
const CLUSTER = 'ZmFpcmxlYWQtc2VydmVycw';
const API_VERSIONS = 18;
const CORRELATION = 7;
const JAVA = ['-Xms64m', '-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** Kafka in KRaft mode: one process that is broker and controller, from the artifacts of Maven's repository. */
export const kafka: ServerKind = {
  name: 'kafka',
  packages: ['default-jre-headless', 'maven'],
  elsewhere: 'brew install openjdk maven',
  installed: () => findProgram('java') !== undefined && findProgram('mvn') !== undefined,
  async prepare({ dataDir, cacheDir, freePort }) {
    const jars = resolveJars(cacheDir);
    const java = requireProgram('java');
    const [port, controller] = [await freePort(), await freePort()];
    const file = join(dataDir, 'server.properties');
    const logs = join(dataDir, 'logs');
    writeFileSync(
      file,
      Object.entries({
        'process.roles': 'broker,controller',
        'node.id': '1',
        'controller.quorum.voters': `1@127.0.0.1:${controller}`,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        'log.dirs': logs,
        'num.partitions': '1',
        'offsets.topic.replication.factor': '1',
        'transaction.state.log.replication.factor': '1',
        'transaction.state.log.min.isr': '1',
        'group.initial.rebalance.delay.ms': '0',
      })
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const path = ['-cp', `${jars}/*`];
    if (!existsSync(join(logs, 'meta.properties'))) {
      runProgram(java, [...JAVA, ...path, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', file]);
    }
    return {
      url: `kafka://127.0.0.1:${port}`,
      commands: [{ file: java, args: [...JAVA, ...path, 'kafka.Kafka', file] }],
    };
  },
  greet: (url, timeoutMs) =>
    converse({
      port: portOf(url),
      say: apiVersionsRequest(),
      understand(received) {
        if (received.length < 14 || received.length < received.readInt32BE(0) + 4) return undefined;
        const [correlation, error, keys] = [received.readInt32BE(4), received.readInt16BE(8), received.readInt32BE(10)];
        if (correlation !== CORRELATION || error !== 0) throw new Error(`ApiVersions failed with ${error}`);
        return `ApiVersions: ${keys} keys`;
      },
      timeoutMs,
    }),
};

/** The folder with Kafka and what it needs, downloaded once. */
function resolveJars(cacheDir: string): string {
  const folder = join(cacheDir, `kafka-${VERSION}`);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const pom = join(partial, 'pom.xml');
  const dependency = `<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>`;
  writeFileSync(
    pom,
    `<project><modelVersion>4.0.0</modelVersion><groupId>fairlead</groupId><artifactId>kafka</artifactId>` +
      `<version>1</version><packaging>pom</packaging><dependencies><dependency>${dependency}</dependency></dependencies></project>`,
  );
  try {
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${partial}/jars`, '-DincludeScope=runtime'];
    runProgram(requireProgram('mvn'), ['-q', '-B', '-f', pom, ...goal]);
    renameSync(join(partial, 'jars'), folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

/** A size, then header version 1: api key, api version, correlation id, client id. */
function apiVersionsRequest(): Buffer {
  const client = Buffer.from('fairlead');
  const request = Buffer.alloc(14);
  request.writeInt32BE(10 + client.length, 0);
  request.writeInt16BE(API_VERSIONS, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(CORRELATION, 8);
  request.writeInt16BE(client.length, 12);
  return Buffer.concat([request, client]);
}
