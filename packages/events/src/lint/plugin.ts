import { sagaRule } from './saga-rule.ts';

/** The plugin as linters load it: `"jsPlugins": ["@fairlead/events/lint"]`, rule `fairlead/saga`. */
const plugin = { meta: { name: 'fairlead' }, rules: { saga: sagaRule } };
export default plugin;
