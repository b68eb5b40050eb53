// npm run bench: the bench is TypeScript like all tests, and is read by what reads them, Vitest's Vite.
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

const vite = await createViteServer({
  configFile: false,
  root: fileURLToPath(new URL('../../', import.meta.url)),
  appType: 'custom',
  logLevel: 'error',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const { bench } = await vite.ssrLoadModule('/test/bench/bench.ts');
process.exit(await bench(process.argv.slice(2)));
