export { default as holdTestServer } from './global-setup.ts';
export { testDatabase, type TestDatabase, type TestDatabaseOptions } from './test-database.ts';
export { startTestServer, testServer, type TestServer, type TestServerAddress } from './test-server.ts';
