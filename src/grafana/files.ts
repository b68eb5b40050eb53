import type { Definition } from '../definition.js';
import { rulesOf } from './alerts.js';
import { contactPointsOf, type HookOptions, policiesOf } from './contact-points.js';
import { dashboardOf } from './dashboards.js';
import { dashboardProviderFile, dataSourceFile, HOME_DASHBOARD } from './provisioning.js';

export const RULES_FILE = 'provisioning/alerting/rules.json';

/** Everything that Grafana is provisioned with for one sensor: the text of each file, by its path. */
export function grafanaFiles(definition: Definition, options: HookOptions): Map<string, string> {
  const { contactPoints } = contactPointsOf(definition, options);
  const { policies } = policiesOf(definition);
  return new Map([
    ['provisioning/datasources/visualizer.yaml', dataSourceFile()],
    ['provisioning/dashboards/visualizer.yaml', dashboardProviderFile()],
    [`dashboards/${HOME_DASHBOARD}`, json(dashboardOf(definition))],
    [RULES_FILE, json(rulesOf(definition))],
    ['provisioning/alerting/notifications.json', json({ apiVersion: 1, contactPoints, policies })],
  ]);
}

function json(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}
