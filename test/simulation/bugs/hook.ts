/** For `node --import`: puts a bug in the place of a module, see resolve.ts. */
import * as nodeModule from 'node:module';
import { resolve } from './resolve.ts';

/** In the same thread, since Node 22.15; `register` is all that older ones have, and later ones warn of it. */
const { registerHooks } = nodeModule as { registerHooks?: (hooks: { resolve: typeof resolve }) => void };
if (registerHooks) registerHooks({ resolve });
else nodeModule.register('./resolve.js', import.meta.url);
