import { installed } from './program.js';
import { type Server, startServer } from './server.js';

/** Whether VictoriaMetrics is here: a real server that speaks InfluxDB's `/api/v2/write`. */
export const hasVictoriaMetrics = installed('victoria-metrics', 'victoria-metrics');

/** Starts a VictoriaMetrics of its own. */
export function startVictoriaMetrics(): Promise<Server> {
  return startServer({
    program: 'victoria-metrics',
    readyPath: '/health',
    arguments: async (port, directory) => [
      `-storageDataPath=${directory}/data`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-search.latencyOffset=0s',
    ],
  });
}
