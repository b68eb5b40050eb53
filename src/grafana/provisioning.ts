import { stringify } from 'yaml';
import { DATA_SOURCE, FOLDER } from './names.js';

/** Where Grafana looks for the dashboards: what grafana/dashboards is mounted as, or copied to. */
export const DASHBOARDS_FOLDER = '/etc/grafana/dashboards';

/** The dashboard that Grafana opens with, in that folder. */
export const HOME_DASHBOARD = 'sensor-monitoring.json';

const HEADER = '# Written by `visualizer grafana`; changes are lost when it runs again.\n';

/**
 * provisioning/datasources/visualizer.yaml. Grafana replaces ${NAME} by its own environment, where nothing stands
 * for what is not set: whoever starts it sets INFLUX_URL, INFLUX_BUCKET, and what the server asks for. Without them
 * it starts all the same, and the data source says that it has no URL.
 *
 * The one file serves 1.x, 2.x and 3 Core. Grafana sends the header in place of the user and password, so the header
 * gets a name that no server reads once there is a user: 1.x knows users, and no token.
 */
export function dataSourceFile(): string {
  return yaml({
    apiVersion: 1,
    datasources: [
      {
        name: 'Visualizer',
        uid: DATA_SOURCE.uid,
        type: DATA_SOURCE.type,
        access: 'proxy',
        url: environment('INFLUX_URL'),
        user: environment('INFLUX_USERNAME'),
        editable: false,
        jsonData: {
          version: 'InfluxQL',
          httpMode: 'POST',
          dbName: environment('INFLUX_BUCKET'),
          timeInterval: '1s',
          httpHeaderName1: `Authorization${environment('INFLUX_USERNAME')}`,
        },
        secureJsonData: {
          httpHeaderValue1: `Token ${environment('INFLUX_TOKEN')}`,
          password: environment('INFLUX_PASSWORD'),
        },
      },
    ],
  });
}

/**
 * provisioning/dashboards/visualizer.yaml. The files are the truth: a changed one is shown within seconds, one that
 * is gone takes its dashboard with it, and nothing is saved over them from the browser.
 */
export function dashboardProviderFile(): string {
  return yaml({
    apiVersion: 1,
    providers: [
      {
        name: 'visualizer',
        type: 'file',
        folder: FOLDER,
        disableDeletion: false,
        allowUiUpdates: false,
        updateIntervalSeconds: 10,
        options: { path: DASHBOARDS_FOLDER },
      },
    ],
  });
}

function environment(name: string): string {
  return `\${${name}}`;
}

function yaml(content: object): string {
  return `${HEADER}${stringify(content, { lineWidth: 0 })}`;
}
