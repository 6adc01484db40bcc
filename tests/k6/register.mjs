// node --import ./register.mjs: replaces k6's modules by the shim, and loads the scripts as ES modules.
import { register } from 'node:module';

register('./resolve.mjs', import.meta.url);
