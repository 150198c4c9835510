import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { dataDirAt } from '@fairlead/control';
import { loadPlatform } from '@fairlead/platform';
import type { Completer, TypedLine } from './completer.ts';
import { runningAdmin } from './running.ts';

/** What the platform that runs here says, or else what its blueprint says. */
async function asked<T>(
  line: TypedLine,
  ofRunning: (admin: Awaited<ReturnType<typeof runningAdmin>>) => Promise<T>,
  ofBlueprint: (model: Awaited<ReturnType<typeof loadPlatform>>) => T,
): Promise<T> {
  try {
    return await ofRunning(await runningAdmin(line.terminal, line.flag('data-dir')));
  } catch {
    return ofBlueprint(await loadPlatform(resolve(line.terminal.cwd, line.flag('platform'))));
  }
}

/** Names of the services. */
export const serviceNames: Completer = (line) =>
  asked(
    line,
    async (admin) => (await admin.services()).services.filter(({ kind }) => kind === 'service').map(({ name }) => name),
    ({ services }) => services.map(({ name }) => name),
  );

/** `<service>.<operation>` of every service and external. */
export const operationNames: Completer = (line) =>
  asked(
    line,
    async (admin) => (await admin.operations()).operations.map(({ service, operation }) => `${service}.${operation}`),
    ({ services, externals }) =>
      [...services.map(({ definition }) => definition.contract), ...externals.map(({ contract }) => contract)].flatMap(
        ({ name, operations }) => Object.keys(operations).map((operation) => `${name}.${operation}`),
      ),
  );

/** Ids of the dead letters of the service that is named before. */
export const deadLetterIds: Completer = async ({ terminal, words, flag }) => {
  const [service] = words;
  if (service === undefined) return [];
  const admin = await runningAdmin(terminal, flag('data-dir'));
  return (await admin.deadLetters({ service })).items.map(({ id }) => String(id));
};

/** Ids of the jobs of the service that is named before. */
export const jobIds: Completer = async ({ terminal, words, flag }) => {
  const [service] = words;
  if (service === undefined) return [];
  const admin = await runningAdmin(terminal, flag('data-dir'));
  return (await admin.jobs({ service })).items.map(({ id }) => String(id));
};

/** Names of the sagas of the service that is named before, as far as there are runs. */
export const sagaNames: Completer = async ({ terminal, words, flag }) => {
  const [service] = words;
  if (service === undefined) return [];
  const admin = await runningAdmin(terminal, flag('data-dir'));
  return [...new Set((await admin.sagas({ service })).items.map((run) => String(run['saga'])))];
};

/** Ids of runs of the service and saga that are named before. */
export const sagaIds: Completer = async ({ terminal, words, flag }) => {
  const [service, saga] = words;
  if (service === undefined || saga === undefined) return [];
  const admin = await runningAdmin(terminal, flag('data-dir'));
  return (await admin.sagas({ service, saga })).items.map((run) => String(run['id']));
};

/** Names of the projections and replicas of the service that is named before. */
export const viewNames: Completer = async ({ terminal, words, flag }) => {
  const [service] = words;
  if (service === undefined) return [];
  const admin = await runningAdmin(terminal, flag('data-dir'));
  return (await admin.views({ service })).items.map(({ name }) => String(name));
};

/** Names of the queues of the service that is named before, or of all. */
export const queueNames: Completer = async ({ terminal, words, flag }) => {
  const [service] = words;
  const admin = await runningAdmin(terminal, flag('data-dir'));
  const { items } = await admin.queues(service === undefined ? {} : { service });
  return [...new Set(items.map(({ queue }) => String(queue)))];
};

/** Tenants of the blueprint. */
export const tenantNames: Completer = async ({ terminal, flag }) =>
  (await loadPlatform(resolve(terminal.cwd, flag('platform')))).tenants.map(({ id }) => id);

/** Names of the instances that have written a log. */
export const logNames: Completer = async ({ terminal, flag }) => {
  const { path } = dataDirAt(resolve(terminal.cwd, flag('data-dir')));
  const files = await readdir(join(path, 'logs'));
  return files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length));
};
