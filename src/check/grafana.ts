import { systemCodeOf } from '../errors.js';
import { beginningOf, failureText } from '../fetch-answer.js';
import { DATA_SOURCE } from '../grafana/names.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { speaksTls } from './tls.js';

export interface GrafanaCheckOptions {
  readonly url: string;
  readonly token: string | undefined;
  /** A request that takes longer has failed, in ms. */
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

type Answer =
  | { readonly status: number; readonly body: Record<string, unknown> }
  | { readonly failure: unknown };

/** Whether Grafana answers, and its data source gets through to the InfluxDB. */
export async function checkGrafana(options: GrafanaCheckOptions): Promise<Finding[]> {
  const { username, password, host } = new URL(options.url);
  if (username !== '' || password !== '') {
    const text = '--grafana holds a user or password, which everybody on this machine can see';
    return [fail('grafana', 'BAD_SETTING', text, 'leave it out, and set GRAFANA_TOKEN')];
  }
  const health = await ask(options, '/api/health');
  if ('failure' in health) return [await notReached(options, health.failure)];
  const { version, database } = health.body;
  if (typeof database !== 'string') {
    const remedy = 'give the URL at which Grafana opens in a browser (often http://localhost:3000)';
    return [unreachable(`what answers at ${host} is no Grafana: ${health.status}`, remedy)];
  }
  if (database !== 'ok') {
    return [unreachable(`Grafana at ${host} is not well: its database is ${database}`, 'look into its log')];
  }
  const called = typeof version === 'string' ? `, version ${version},` : '';
  return [ok('grafana', `Grafana at ${host}${called} answers`), await checkDataSource(options)];
}

async function checkDataSource(options: GrafanaCheckOptions): Promise<Finding> {
  const { uid } = DATA_SOURCE;
  const answer = await ask(options, `/api/datasources/uid/${uid}/health`);
  const refuse = (reason: string, remedy: string) => fail('data source', 'SERVER_REFUSED', reason, remedy);
  if ('failure' in answer) {
    const reason = `Grafana does not tell how it is: ${failureText(answer.failure)}`;
    return fail('data source', 'SERVER_UNREACHABLE', reason, 'look into the log of Grafana');
  }
  const { status, body } = answer;
  const message = typeof body.message === 'string' ? body.message : `status ${status}`;
  const account = 'a service account (Administration, Users and access, Service accounts; role Viewer)';
  if (status === 401 && options.token === undefined) {
    return warn(
      'data source',
      'not checked: Grafana asks who wants to know',
      `set GRAFANA_TOKEN to a token of ${account}`,
    );
  }
  if (status === 401)
    return refuse(`Grafana does not know the token: ${message}`, `set GRAFANA_TOKEN to one of ${account}`);
  if (status === 403)
    return refuse(`the token may not ask for it: ${message}`, `set GRAFANA_TOKEN to one of ${account}`);
  if (status === 404) {
    const remedy =
      'write it by `visualizer grafana --out <folder>`, give Grafana <folder>/provisioning, and start Grafana again';
    return refuse(`Grafana has no data source ${uid}: ${message}`, remedy);
  }
  if (status === 200 && body.status === 'OK') return ok('data source', `${uid}: ${message}`);
  return fail(
    'data source',
    'SERVER_UNREACHABLE',
    `${uid} fails: ${message}`,
    'set INFLUX_URL, INFLUX_BUCKET and INFLUX_TOKEN (1.x: INFLUX_USERNAME, INFLUX_PASSWORD) for Grafana to what it reaches, and start it again',
  );
}

async function ask({ url, token, timeoutMs, stop }: GrafanaCheckOptions, path: string): Promise<Answer> {
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
    });
    return { status: response.status, body: objectIn(await beginningOf(response)) };
  } catch (failure) {
    return { failure };
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function notReached({ url, timeoutMs }: GrafanaCheckOptions, failure: unknown): Promise<Finding> {
  const { protocol, hostname, host, port } = new URL(url);
  const code = systemCodeOf((failure as Error).cause);
  if (protocol === 'https:' && PLAIN.test(code ?? '')) {
    return unreachable(
      `Grafana at ${host} speaks plain HTTP, and is asked in TLS`,
      `write http://: --grafana ${url.replace(/^https/, 'http')}`,
    );
  }
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (
    protocol === 'http:' &&
    code !== 'ECONNREFUSED' &&
    (await speaksTls(bare, Number(port || 80), timeoutMs))
  ) {
    return unreachable(
      `Grafana at ${host} speaks TLS, and is asked in plain HTTP`,
      `write https://: --grafana ${url.replace(/^http/, 'https')}`,
    );
  }
  if (/CERT|SELF_SIGNED|ISSUER/.test(code ?? '')) {
    const remedy = 'name the certificate of whoever signed it: export NODE_EXTRA_CA_CERTS=<file>.pem';
    return unreachable(
      `the certificate of Grafana at ${host} is not trusted: ${failureText(failure)}`,
      remedy,
    );
  }
  return unreachable(
    `Grafana at ${host} does not answer: ${failureText(failure)}`,
    'start it, or give the right URL with --grafana',
  );
}

/** What OpenSSL makes of plain text. */
const PLAIN = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|^EPROTO$/;

function unreachable(reason: string, remedy: string): Finding {
  return fail('grafana', 'SERVER_UNREACHABLE', reason, remedy);
}
