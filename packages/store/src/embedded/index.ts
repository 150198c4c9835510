export { provision, type ProvisionOptions, type Provisioned, type ServiceUrls } from './provision.ts';
export {
  startPostgres,
  type EmbeddedPostgres,
  type PostgresExit,
  type StartPostgresOptions,
} from './start-postgres.ts';
export { superuserUrl } from './superuser.ts';
