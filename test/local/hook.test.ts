import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Actions } from '../../src/local/actions.js';
import { Gate } from '../../src/local/gate.js';
import type { LivePage, LivePageOptions } from '../../src/local/live-page.js';
import { temporaryFolder } from '../visualizer.js';
import { ALERT, type Ask, ask, openPage, TestLog } from './server-fixture.js';

let folder: string;
let now = 0;
let restarts: string[];
let told: string[];
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  now = 1_000;
  restarts = [];
  told = [];
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const ALERTS = [
  { ...ALERT, id: 'load-high', action: 'restart-sensor' },
  { ...ALERT, id: 'counter-down', action: 'restart-sensor', cooldownMs: 1_000 },
  { ...ALERT, id: 'told-only' },
] as const;

function actions(options: Partial<ConstructorParameters<typeof Actions>[0]> = {}): Actions {
  const say = (_: object, message: string) => told.push(message);
  return new Actions({
    definition: { alerts: ALERTS },
    restartSensor: (alert) => restarts.push(alert),
    log: { info: say, warn: say },
    now: () => now,
    ...options,
  });
}

async function start(options: Partial<LivePageOptions> = {}): Promise<LivePage> {
  const page = await openPage(folder, { env: 'test', actions: actions(), ...options });
  closing.push(() => page.close());
  return page;
}

/** What the real Grafana 10.1 sent, and a body by Alertmanager's documentation. */
const SAMPLES = ['grafana-firing', 'grafana-resolved', 'alertmanager-firing'] as const;

/** Its alerts with these labels besides their own. */
function sample(name: (typeof SAMPLES)[number], labels: Record<string, string> = { alert: 'load-high' }) {
  const file = new URL(`../fixtures/webhooks/${name}.json`, import.meta.url);
  const { headers, body } = JSON.parse(readFileSync(file, 'utf8'));
  for (const alert of body.alerts) Object.assign(alert.labels, labels);
  return { userAgent: headers['User-Agent'] as string, body };
}

async function post(page: { url: string }, body: unknown, headers: Ask['headers'] = {}) {
  const answer = await ask(page, '/hooks/alerts', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Grafana', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, answer: JSON.parse(answer.body) };
}

describe('the hook', () => {
  it.each(['grafana-firing', 'alertmanager-firing'] as const)(
    'restarts the sensor by the body of %s, once in the alert’s cooldown',
    async (name) => {
      const page = await start();
      const { body } = sample(name);
      const once = { received: 1, results: [{ alert: 'load-high', outcome: 'restarted' }] };
      const again = { received: 1, results: [{ alert: 'load-high', outcome: 'cooling down' }] };
      expect(await post(page, body)).toEqual({ status: 200, answer: once });
      now += 299_999;
      expect(await post(page, body)).toEqual({ status: 200, answer: again });
      now += 1;
      expect(await post(page, body)).toEqual({ status: 200, answer: once });
      expect(restarts).toEqual(['load-high', 'load-high']);
      expect(told.filter((text) => text.includes('restarted: the alert fires'))).toHaveLength(2);
    },
  );

  it('does nothing when an alert is resolved, is another’s, is not known, or asks for no action', async () => {
    const page = await start();
    const ignored = { received: 1, results: [] };
    expect((await post(page, sample('grafana-resolved').body)).answer).toEqual(ignored);
    for (const labels of [{ alert: 'load-high', sensor: 's2' }, { alert: 'load-high', env: 'prod' }, {}]) {
      expect((await post(page, sample('grafana-firing', labels).body)).answer).toEqual(ignored);
    }
    for (const [alert, outcome] of [
      ['told-only', 'none'],
      ['nobody', 'unknown'],
      ['__proto__', 'unknown'],
    ] as const) {
      const { status, answer } = await post(page, {
        alerts: [{ status: 'firing', labels: { sensor: 's1', alert } }],
      });
      expect({ status, answer }).toEqual({
        status: 200,
        answer: { received: 1, results: [{ alert, outcome }] },
      });
    }
    expect(restarts).toEqual([]);
  });

  it('acts once for an alert that fires for several kinds', async () => {
    const page = await start();
    const one = sample('grafana-firing').body.alerts[0];
    const other = { ...one, labels: { ...one.labels, alert: 'counter-down' } };
    const { answer } = await post(page, { alerts: [one, { ...one }, other] });
    expect(answer.results).toEqual([
      { alert: 'load-high', outcome: 'restarted' },
      { alert: 'counter-down', outcome: 'restarted' },
    ]);
    expect(restarts).toEqual(['load-high', 'counter-down']);
  });

  it.each([
    '',
    '{',
    '[]',
    'null',
    '{"alerts":{}}',
    '{"alerts":[{"status":"firing"}]}',
    '{"alerts":[{"status":"x","labels":{}}]}',
  ])('refuses %j', async (body) => {
    const { status, answer } = await post(await start(), body);
    expect(status).toBe(400);
    expect(answer).toEqual({ error: expect.stringContaining('webhook') });
  });

  it('refuses what is not JSON by its type, so that no form of another site gets here', async () => {
    const { body } = sample('grafana-firing');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '', 'application/jsonx']) {
      expect((await post(await start(), body, { 'content-type': type })).status).toBe(415);
    }
    expect((await post(await start(), body, { 'content-encoding': 'gzip' })).status).toBe(415);
    const withCharset = { 'content-type': 'Application/JSON; charset=utf-8' };
    expect((await post(await start(), body, withCharset)).status).toBe(200);
  });

  it('says that there is nothing to act upon where nothing is recorded', async () => {
    const page = await start({ actions: undefined });
    expect((await post(page, sample('grafana-firing').body)).status).toBe(409);
  });

  it('asks for its own token where there is one', async () => {
    const page = await start({ hookToken: 'hook', pageToken: 'page' });
    const { body } = sample('grafana-firing');
    const by = async (authorization: string) => (await post(page, body, { authorization })).status;
    expect((await post(page, body)).status).toBe(401);
    expect(await by('Bearer page')).toBe(401);
    expect(await by('Bearer hookx')).toBe(401);
    expect(await by('Basic hook')).toBe(401);
    expect(restarts).toEqual([]);
    expect(await by('Bearer hook ')).toBe(200);
    expect(
      (await post(page, body, { authorization: 'bearer hook', host: 'sensor-runner:8087' })).status,
    ).toBe(200);
    expect(restarts).toEqual(['load-high']);
  });

  it('is off beyond this machine without a token, and says how to turn it on', async () => {
    const open = await start({ host: '0.0.0.0', pageToken: 'page' });
    const page = { url: `http://127.0.0.1:${new URL(open.url).port}/` };
    const { status, answer } = await post(page, sample('grafana-firing').body, {
      authorization: 'Bearer page',
    });
    expect({ status, error: answer.error }).toEqual({
      status: 403,
      error: expect.stringContaining('HOOK_TOKEN'),
    });
    const proxied = await start({ pageToken: 'page' });
    expect((await post(proxied, sample('grafana-firing').body)).status).toBe(403);
    expect(restarts).toEqual([]);
    const tokenless = { names: [], pageToken: undefined, hookToken: undefined, log: new TestLog() };
    const asked = { method: 'POST', headers: { host: '127.0.0.1' } } as IncomingMessage;
    for (const [host, status] of [
      ['127.0.0.1', undefined],
      ['0.0.0.0', 403],
    ] as const) {
      const gate = await Gate.open({ ...tokenless, host });
      expect(gate.refusal(asked, 'hook')?.status).toBe(status);
    }
  });
});

describe('an action', () => {
  it('is the same whoever says that the alert fires', async () => {
    const shared = actions();
    const page = await start({ actions: shared });
    expect(shared.take('load-high', 'this run')).toBe('restarted');
    const { answer } = await post(page, sample('grafana-firing').body);
    expect(answer.results).toEqual([{ alert: 'load-high', outcome: 'cooling down' }]);
    expect(restarts).toEqual(['load-high']);
  });

  it('is not possible without a sensor, and one that fails is counted by nobody, nor cooled down from', () => {
    const idle = actions({ restartSensor: undefined });
    expect([idle.take('load-high', 'x'), idle.take('load-high', 'x')]).toEqual([
      'unavailable',
      'unavailable',
    ]);
    const fails = vi.fn(() => {
      throw new Error('no');
    });
    const failing = actions({ restartSensor: fails });
    expect([failing.take('load-high', 'x'), failing.take('load-high', 'x')]).toEqual(['failed', 'failed']);
    expect(fails).toHaveBeenCalledTimes(2);
    expect(told).toEqual([
      'The alert asks to restart the sensor, but there is none: the lines come from a file or from stdin',
      'The sensor could not be restarted',
    ]);
  });

  it('says once why it does nothing, until it does something', () => {
    const shared = actions();
    for (let count = 0; count < 5; count += 1) shared.take('counter-down', 'x');
    now += 1_000;
    for (let count = 0; count < 5; count += 1) shared.take('counter-down', 'x');
    const [restarted, cooling] = [/is restarted/, /not long ago/].map((text) => expect.stringMatching(text));
    expect(told).toEqual([restarted, cooling, restarted, cooling]);
  });

  it('keeps its cooldown under a new definition', () => {
    const shared = actions();
    expect(shared.take('counter-down', 'x')).toBe('restarted');
    shared.redefine({ alerts: [{ ...ALERTS[1], summary: 'Another' }] });
    expect(shared.take('counter-down', 'x')).toBe('cooling down');
    expect(shared.take('load-high', 'x')).toBe('unknown');
    now += 1_000;
    expect(shared.take('counter-down', 'x')).toBe('restarted');
  });
});
