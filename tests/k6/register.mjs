// node --import ./register.mjs: the modules of k6 are those of the shim, and the scripts are modules as k6 takes them.
import { register } from 'node:module';

register('./resolve.mjs', import.meta.url);
