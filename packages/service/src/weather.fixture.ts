export { weatherService as default } from './notes.fixture.ts';
