// Hooks of node's module loader: https://nodejs.org/docs/latest-v20.x/api/module.html#customization-hooks
const SHIM = {
  k6: './shim/k6.mjs',
  'k6/execution': './shim/execution.mjs',
  'k6/http': './shim/http.mjs',
  'k6/metrics': './shim/metrics.mjs',
};
const SCRIPTS = new URL('../../k6/', import.meta.url).href;

export async function resolve(specifier, context, next) {
  if (specifier === 'k6' || specifier.startsWith('k6/')) {
    if (!SHIM[specifier]) {
      throw new Error(`the shim has no ${specifier}: add it to tests/k6/resolve.mjs`);
    }
    return { url: new URL(SHIM[specifier], import.meta.url).href, shortCircuit: true };
  }
  const resolved = await next(specifier, context);
  return resolved.url.startsWith(SCRIPTS) ? { ...resolved, format: 'module' } : resolved;
}
