import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../servers/certificates.js';
import { installed } from '../servers/program.js';
import { freePort } from '../servers/server.js';
import { temporaryFolder } from '../visualizer.js';
import { diagnose } from './doctor.js';

const HEALTH = '/api/health';
const DATA_SOURCE = '/api/datasources/uid/visualizer-influxdb/health';

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A Grafana that answers with a status and an object, by the path. */
async function grafana(script: Record<string, [number, object]>) {
  const tokens: (string | undefined)[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    tokens.push(headers.authorization);
    const [status, body] = script[url] ?? [404, { message: 'Not found' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return { url: `http://${await listen(server)}/`, tokens };
}

const well: [number, object] = [200, { database: 'ok', version: '12.0.0' }];

it('a Grafana whose data source works is well', async () => {
  const { url, tokens } = await grafana({
    [HEALTH]: well,
    [DATA_SOURCE]: [200, { status: 'OK', message: 'datasource is working. 1 measurements found' }],
  });
  const { exitCode, about, stdout } = await diagnose(folder, ['--grafana', url], { GRAFANA_TOKEN: 'glsa_x' });
  expect(exitCode).toBe(0);
  expect(about('grafana')).toMatch(/^grafana +ok .*version 12\.0\.0, answers$/);
  expect(about('data source')).toMatch(/^data source +ok .*1 measurements found$/);
  expect(tokens).toEqual(['Bearer glsa_x', 'Bearer glsa_x']);
  expect(stdout).not.toContain('glsa_x');
});

describe('the data source of a Grafana', () => {
  it.each<[string, [number, object], Record<string, string>, number, RegExp]>([
    [
      'fails',
      [400, { status: 'ERROR', message: 'connection refused' }],
      {},
      69,
      /fail .*connection refused\n +-> set INFLUX_URL/,
    ],
    [
      'is not there',
      [404, { message: 'Data source not found' }],
      {},
      77,
      /fail .*no data source.*\n +-> .*visualizer grafana/,
    ],
    [
      'is not shown to strangers',
      [401, { message: 'Unauthorized' }],
      {},
      0,
      /warn +not checked.*\n +-> set GRAFANA_TOKEN/,
    ],
    [
      'is not shown for a wrong token',
      [401, { message: 'Invalid API key' }],
      { GRAFANA_TOKEN: 'x' },
      77,
      /fail .*does not know the token: Invalid API key\n +-> set GRAFANA_TOKEN/,
    ],
  ])('that %s', async (_name, answer, environment, code, line) => {
    const { url } = await grafana({ [HEALTH]: well, [DATA_SOURCE]: answer });
    const { exitCode, about } = await diagnose(folder, ['--grafana', url], environment);
    expect(exitCode).toBe(code);
    expect(about('data source')).toMatch(line);
  });
});

describe('a Grafana that', () => {
  const at = async (url: string) => {
    const { exitCode, about } = await diagnose(folder, ['--grafana', url]);
    return { exitCode, line: about('grafana') };
  };

  it('is not there', async () => {
    const { exitCode, line } = await at(`http://127.0.0.1:${await freePort()}`);
    expect(exitCode).toBe(69);
    expect(line).toMatch(/fail .*does not answer: .*ECONNREFUSED.*\n +-> start it, or .*--grafana$/);
  });

  it('is some other server', async () => {
    const { url } = await grafana({});
    const { exitCode, line } = await at(url);
    expect(exitCode).toBe(69);
    expect(line).toMatch(/fail .*is no Grafana: 404\n +-> give the URL/);
  });

  it('speaks plain HTTP and is asked in TLS', async () => {
    const { url } = await grafana({ [HEALTH]: well });
    const { exitCode, line } = await at(url.replace('http', 'https'));
    expect(exitCode).toBe(69);
    expect(line).toMatch(/fail .*speaks plain HTTP.*\n +-> write http:\/\/: --grafana http:\/\/127/);
  });

  it.skipIf(!installed('openssl', 'openssl'))('speaks TLS and is asked in plain HTTP', async () => {
    const server = createTlsServer(selfSigned(), (_, response) => response.end());
    const host = await listen(server as unknown as Server);
    const plain = await at(`http://${host}`);
    expect(plain.exitCode).toBe(69);
    expect(plain.line).toMatch(/fail .*speaks TLS.*\n +-> write https:\/\/: --grafana https:\/\/127/);
    const untrusted = await at(`https://${host}`);
    expect(untrusted.line).toMatch(/fail .*not trusted: self-signed certificate\n +-> .*NODE_EXTRA_CA_CERTS/);
  });

  it('is named with a password on the command line is not asked, and the password not repeated', async () => {
    const { url, tokens } = await grafana({ [HEALTH]: well });
    const { exitCode, line } = await at(url.replace('//', '//admin:hush@'));
    expect(exitCode).toBe(78);
    expect(line).toMatch(/fail .*everybody on this machine can see\n +-> .*GRAFANA_TOKEN$/);
    expect(line).not.toContain('hush');
    expect(tokens).toEqual([]);
  });
});
