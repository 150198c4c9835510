export { holdTestServer as default } from '@fairlead/store/testing';
