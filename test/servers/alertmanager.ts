import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installed } from './program.js';
import { type Server, startServer } from './server.js';

/** Whether a real Alertmanager is here. */
export const hasAlertmanager = installed('prometheus-alertmanager', 'prometheus-alertmanager');

/** Starts an Alertmanager of its own, which tells this webhook of all that it is told, and at once. */
export function startAlertmanager(webhookUrl: string): Promise<Server> {
  return startServer({
    program: 'prometheus-alertmanager',
    readyPath: '/-/ready',
    async arguments(port, directory) {
      const config = join(directory, 'alertmanager.yml');
      await writeFile(config, configuration(webhookUrl));
      return [
        `--config.file=${config}`,
        `--storage.path=${directory}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ];
    },
  });
}

function configuration(webhookUrl: string): string {
  return `
route:
  receiver: hook
  group_by: [sensor, env]
  group_wait: 100ms
  group_interval: 200ms
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs:
      - url: ${webhookUrl}
        send_resolved: true
`;
}
