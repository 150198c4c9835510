import { tenantDatabasesSuite } from './tenant-databases.fixture.ts';

// Apart from the other kinds, since making and dropping databases takes its time.
tenantDatabasesSuite('databases');
