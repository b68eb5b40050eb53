import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { DATA_SOURCE, FOLDER } from '../../src/grafana/names.js';
import { DASHBOARDS_FOLDER, dashboardProviderFile, dataSourceFile } from '../../src/grafana/provisioning.js';

/** As Grafana does: what is not set is empty. */
function expanded(file: string, environment: Record<string, string>) {
  return parse(file.replace(/\$\{(\w+)\}/g, (_, name) => environment[name] ?? ''));
}

it('writes the same bytes each time', () => {
  expect(dataSourceFile()).toBe(dataSourceFile());
  expect(dashboardProviderFile()).toBe(dashboardProviderFile());
});

it('asks in InfluxQL, by POST, under the uid that panels and rules name', () => {
  const [source] = expanded(dataSourceFile(), {}).datasources;
  expect(source).toMatchObject({ uid: DATA_SOURCE.uid, type: DATA_SOURCE.type, access: 'proxy' });
  expect(source.jsonData).toMatchObject({ version: 'InfluxQL', httpMode: 'POST' });
});

it('sends the token of 2.x and 3 Core in the header', () => {
  const environment = {
    INFLUX_URL: 'http://influxdb:8086',
    INFLUX_BUCKET: 'sensor',
    INFLUX_TOKEN: 's3cret',
    INFLUX_USERNAME: '',
  };
  const [source] = expanded(dataSourceFile(), environment).datasources;
  expect(source.url).toBe('http://influxdb:8086');
  expect(source.jsonData).toMatchObject({ dbName: 'sensor', httpHeaderName1: 'Authorization' });
  expect(source.secureJsonData.httpHeaderValue1).toBe('Token s3cret');
  expect(source.user ?? '').toBe('');
});

it('takes the header out of the way of the user and password of 1.x', () => {
  const environment = { INFLUX_TOKEN: 'x', INFLUX_USERNAME: 'ada', INFLUX_PASSWORD: 'lovelace' };
  const [source] = expanded(dataSourceFile(), environment).datasources;
  expect(source.user).toBe('ada');
  expect(source.secureJsonData.password).toBe('lovelace');
  expect(source.jsonData.httpHeaderName1).not.toBe('Authorization');
});

it('shows what is in the folder of dashboards, and only that', () => {
  const { providers } = parse(dashboardProviderFile());
  expect(providers).toHaveLength(1);
  expect(providers[0]).toMatchObject({
    type: 'file',
    folder: FOLDER,
    disableDeletion: false,
    allowUiUpdates: false,
    options: { path: DASHBOARDS_FOLDER },
  });
});
