import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testNotifications } from '../../src/commands/notify.js';
import { VisualizerError } from '../../src/errors.js';
import { ERROR, HIGH, keyed, openScene, WIDE, webhookTo } from './scene.js';
import { answer, type ScriptedReceiver, startReceiver } from './scripted-receiver.js';

/** Found nowhere but where it is to be sent. */
const CANARY = 'c4n4ry-s3cr3t';
const ENVIRONMENT = {
  WEBHOOK_TOKEN: `${CANARY}-w`,
  SLACK_WEBHOOK: `T0/B0/${CANARY}-s`,
  PAGERDUTY_INTEGRATION_KEY: `${CANARY}-p`,
  OPSGENIE_API_KEY: `${CANARY}-o`,
  VICTOROPS_API_KEY: `${CANARY}-v`,
  VICTOROPS_ROUTING_KEY: `${CANARY}-r`,
};

let server: ScriptedReceiver;
let folder: string;
beforeEach(async () => {
  server = await startReceiver();
  folder = mkdtempSync(join(tmpdir(), 'visualizer-notify-'));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const endpoints = () => ({
  slack: `${server.url}/services/`,
  pagerduty: `${server.url}/v2/enqueue`,
  opsgenie: `${server.url}/v2/alerts`,
  victorops: `${server.url}/alert/`,
});
const all = () => [
  webhookTo(`${server.url}/hook`),
  keyed('slack'),
  keyed('pagerduty'),
  keyed('opsgenie'),
  keyed('victorops'),
];

/** What each type of receiver is sent when an alert begins, a second one does, and both end. */
async function story(type: 'slack' | 'pagerduty' | 'opsgenie' | 'victorops') {
  const scene = await openScene({
    receivers: [keyed(type)],
    environment: ENVIRONMENT,
    endpoints: endpoints(),
    externalUrl: 'http://127.0.0.1:8087/',
  });
  scene.fire(HIGH);
  await scene.clock.advance(60_000);
  scene.fire(WIDE);
  await scene.clock.advance(60_000);
  scene.end(HIGH);
  await scene.clock.advance(60_000);
  scene.end(WIDE);
  await scene.clock.advance(70_000);
  await scene.notifications.close();
  expect(server.received).toHaveLength(4);
  return server.received;
}

describe('each receiver is told in its own words', () => {
  it('Slack, of an incoming webhook', async () => {
    const [first, , third, last] = await story('slack');
    expect(first?.path).toBe(`/services/${ENVIRONMENT.SLACK_WEBHOOK}`);
    expect(first?.body.text).toBe('🔥 [FIRING:1] demo lab critical: load-high is too high');
    expect(first?.body.blocks[1].text).toEqual({
      type: 'mrkdwn',
      text: [
        '*Firing: load-high is too high*',
        'Mean of cpu_load over 1m: 7.348 cores. Fires above 7 cores for 1m.',
        'load-high, critical, since 2026-11-22 08:00:00 UTC',
        'env=lab sensor=demo',
      ].join('\n'),
    });
    expect(third?.body.text).toBe('🔥 [FIRING:1, RESOLVED:1] demo lab critical: load-wide, load-high');
    expect(last?.body.text).toBe('✅ [RESOLVED] demo lab critical: load-wide is too high');
  });

  it('Slack, which reads <, > and & as commands', async () => {
    const receivers = [keyed('slack')];
    const scene = await openScene({ receivers, environment: ENVIRONMENT, endpoints: endpoints() });
    scene.fire({ ...HIGH, summary: '<!channel> & <http://evil|click>' });
    await scene.clock.advance(15_000);
    await scene.notifications.close();
    const text = JSON.stringify(server.received[0]?.body);
    expect(text).toContain('&lt;!channel&gt; &amp; &lt;http://evil|click&gt;');
    expect(text).not.toMatch(/[<>]/);
  });

  it('PagerDuty, of Events API v2: one incident for the group', async () => {
    const received = await story('pagerduty');
    const [first] = received;
    expect(first?.path).toBe('/v2/enqueue');
    expect(received.map(({ body }) => body.event_action)).toEqual([
      'trigger',
      'trigger',
      'trigger',
      'resolve',
    ]);
    expect(new Set(received.map(({ body }) => body.dedup_key)).size).toBe(1);
    expect(first?.body).toMatchObject({
      routing_key: ENVIRONMENT.PAGERDUTY_INTEGRATION_KEY,
      client_url: 'http://127.0.0.1:8087/',
      payload: {
        summary: '[FIRING:1] demo lab critical: load-high is too high',
        source: 'demo lab',
        severity: 'critical',
        timestamp: '2026-11-22T08:00:00.000Z',
      },
    });
  });

  it('Opsgenie, of the Alert API: created and closed by its alias', async () => {
    const [first, , , last] = await story('opsgenie');
    expect(first?.path).toBe('/v2/alerts');
    expect(first?.headers.authorization).toBe(`GenieKey ${ENVIRONMENT.OPSGENIE_API_KEY}`);
    expect(first?.body).toMatchObject({ priority: 'P1', source: 'Visualizer', entity: 'demo' });
    expect(last?.path).toBe(`/v2/alerts/${first?.body.alias}/close?identifierType=alias`);
  });

  it('VictorOps, of the REST endpoint', async () => {
    const received = await story('victorops');
    expect(received[0]?.path).toBe(
      `/alert/${ENVIRONMENT.VICTOROPS_API_KEY}/${ENVIRONMENT.VICTOROPS_ROUTING_KEY}`,
    );
    expect(received.map(({ body }) => body.message_type)).toEqual([
      'CRITICAL',
      'CRITICAL',
      'CRITICAL',
      'RECOVERY',
    ]);
    expect(new Set(received.map(({ body }) => body.entity_id)).size).toBe(1);
  });

  it('a webhook with its token, and with the user of its URL', async () => {
    const withUser = server.url.replace('http://', 'http://me:pass%20word@');
    const receivers = [webhookTo(server.url), webhookTo(withUser, 'other')];
    const scene = await openScene({ receivers, environment: ENVIRONMENT });
    scene.fire(HIGH);
    await scene.clock.advance(15_000, 2);
    const basic = `Basic ${Buffer.from('me:pass word').toString('base64')}`;
    expect(server.received.map(({ headers }) => headers.authorization).sort()).toEqual([
      basic,
      `Bearer ${ENVIRONMENT.WEBHOOK_TOKEN}`,
    ]);
    await scene.notifications.close();
  });
});

describe('secrets', () => {
  it.each([
    ['echo', (text: string) => answer(403, text)],
    ['echo and are busy', (text: string) => answer(503, `x ${text}`)],
  ])('are neither in the log nor in the state, whatever servers %s', async (_what, act) => {
    const stateFile = join(folder, 'notifications.json');
    server.otherwise = (response, received) =>
      act(JSON.stringify([received.path, received.headers, received.body]))(response, received);
    const options = { receivers: all(), environment: ENVIRONMENT, endpoints: endpoints(), stateFile };
    const scene = await openScene(options);
    scene.fire(HIGH);
    await scene.clock.advance(60_000, 5);
    await scene.notifications.close();
    expect(server.received.length).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify(server.received)).toContain(CANARY);
    expect(JSON.stringify(scene.log)).toContain('***');
    expect(JSON.stringify(scene.log)).not.toContain(CANARY);
    expect(readFileSync(stateFile, 'utf8')).toContain('load-high');
    expect(readFileSync(stateFile, 'utf8')).not.toContain(CANARY);
  });

  it('are known again in every form in which a server may repeat them', async () => {
    const password = 'p"ass\\word é';
    const url = new URL(server.url);
    url.username = 'me';
    url.password = password;
    const basic = Buffer.from(`me:${password}`).toString('base64');
    const forms = [password, JSON.stringify(password).slice(1, -1), encodeURIComponent(password), basic];
    server.otherwise = answer(403, `<${forms.join('> <')}>`);
    const scene = await openScene({ receivers: [webhookTo(url.href)] });
    scene.fire(HIGH);
    await scene.clock.advance(15_000);
    await scene.notifications.close();
    expect(server.received[0]?.headers.authorization).toBe(`Basic ${basic}`);
    expect(scene.log.find(({ level }) => level === ERROR)?.reason).toBe('403 <***> <***> <***> <***>');
  });

  it.each(['http://:50%25@', 'http://:50%@', 'http://me:50%@'])(
    'are hidden and sent, of a URL %s',
    async (user) => {
      server.otherwise = answer(403, 'not with 50%');
      const scene = await openScene({ receivers: [webhookTo(server.url.replace('http://', user))] });
      scene.fire(HIGH);
      await scene.clock.advance(15_000);
      await scene.notifications.close();
      const basic = Buffer.from(`${user.includes('me') ? 'me' : ''}:50%`).toString('base64');
      expect(server.received[0]?.headers.authorization).toBe(`Basic ${basic}`);
      expect(JSON.stringify(scene.log)).not.toContain('50%');
    },
  );

  it('come from a file as well', async () => {
    const file = join(folder, 'slack');
    writeFileSync(file, `${ENVIRONMENT.SLACK_WEBHOOK}\n`);
    const environment = { SLACK_WEBHOOK_OPS_FILE: file };
    const scene = await openScene({
      receivers: [keyed('slack', 'ops')],
      environment,
      endpoints: endpoints(),
    });
    scene.fire(HIGH);
    await scene.clock.advance(15_000);
    expect(server.received[0]?.path).toBe(`/services/${ENVIRONMENT.SLACK_WEBHOOK}`);
    await scene.notifications.close();
  });

  it('that are missing are named once, and the others are told', async () => {
    const more = {
      ...ENVIRONMENT,
      SLACK_WEBHOOK: undefined,
      VICTOROPS_ROUTING_KEY: '',
      OPSGENIE_API_KEY: `${CANARY} o`,
      PAGERDUTY_INTEGRATION_KEY: '',
      PAGERDUTY_INTEGRATION_KEY_FILE: '/nowhere/key',
    };
    const scene = await openScene({ receivers: all(), environment: more, endpoints: endpoints() });
    const orFile = (name: string) => `${name} (or ${name}_FILE, a file that holds it)`;
    expect(scene.said(ERROR)).toEqual([
      `slack is not told of alerts: set ${orFile('SLACK_WEBHOOK')}`,
      'pagerduty is not told of alerts: PAGERDUTY_INTEGRATION_KEY_FILE names /nowhere/key, which cannot be read (ENOENT)',
      'opsgenie is not told of alerts: OPSGENIE_API_KEY must be printable ASCII characters in one line, without blanks',
      `victorops is not told of alerts: set ${orFile('VICTOROPS_ROUTING_KEY')}`,
    ]);
    scene.fire(HIGH);
    await scene.clock.advance(120_000);
    expect(server.received.map(({ path }) => path)).toEqual(['/hook']);
    expect(scene.said(ERROR)).toHaveLength(4);
    expect(JSON.stringify(scene.log)).not.toContain(CANARY);
    await scene.notifications.close();
  });

  it('a whole URL for Slack is refused with what is to be set', async () => {
    const environment = { SLACK_WEBHOOK: `https://hooks.slack.com/services/${CANARY}` };
    const scene = await openScene({ receivers: [keyed('slack')], environment });
    expect(scene.said(ERROR)).toEqual([
      "slack is not told of alerts: SLACK_WEBHOOK must be what follows https://hooks.slack.com/services/ in the URL of Slack's incoming webhook only",
    ]);
    await scene.notifications.close();
  });
});

describe('visualizer notify --test', () => {
  const YAML = `
name: demo
measurement: sensor
metrics: [{ name: x, type: float, kind: gauge }]
`;

  async function run(notify: string, environment: NodeJS.ProcessEnv = ENVIRONMENT) {
    const sensor = join(folder, 'sensor.yaml');
    writeFileSync(sensor, `${YAML}${notify}\n`);
    let printed = '';
    const output = new Writable({
      write(chunk, _encoding, done) {
        printed += chunk;
        done();
      },
    });
    const log = pino({ level: 'silent' });
    const error = await testNotifications({
      settings: { sensor },
      environment,
      log,
      output,
      endpoints: endpoints(),
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined && !(error instanceof VisualizerError)) throw error;
    return { lines: printed.split('\n').filter(Boolean).sort(), error };
  }

  it('tells every receiver, leaves no incident open, and says so', async () => {
    const types = ['slack', 'pagerduty', 'opsgenie', 'victorops'].map((type) => `{ type: ${type} }`);
    const { lines, error } = await run(
      `notify: [{ type: webhook, name: own, url: "${server.url}/hook" }, ${types.join(', ')}]`,
    );
    expect(error).toBeUndefined();
    expect(lines).toEqual([
      'opsgenie: ok',
      'own (webhook): ok',
      'pagerduty: ok',
      'slack: ok',
      'victorops: ok',
    ]);
    const actions = server.received.flatMap(({ body }) => body.event_action ?? body.message_type ?? []);
    expect(actions.sort()).toEqual(['INFO', 'RECOVERY', 'resolve', 'trigger']);
    expect(server.received.filter(({ path }) => path.endsWith('/close?identifierType=alias'))).toHaveLength(
      1,
    );
    expect(server.received.find(({ path }) => path === '/hook')?.body).toMatchObject({
      title: '[FIRING:1] demo test info: A test of the notifications: nothing is wrong',
    });
  });

  it('says what is missing, who refuses and who is away, and fails', async () => {
    const { lines, error } = await run('notify: [{ type: slack }]', {});
    expect(lines).toEqual(['slack: failed: set SLACK_WEBHOOK (or SLACK_WEBHOOK_FILE, a file that holds it)']);
    expect([error?.code, error?.exitCode]).toEqual(['BAD_SETTING', 78]);

    server.otherwise = answer(404, `no_service ${CANARY}-s`);
    const refused = await run('notify: [{ type: slack }]');
    expect(refused.lines[0]).toMatch(/^slack: failed: 404 no_service .*; set SLACK_WEBHOOK to what follows/);
    expect([refused.error?.code, refused.error?.exitCode]).toEqual(['SERVER_REFUSED', 77]);

    await server.refuse();
    const away = await run('notify: [{ type: slack }]');
    expect(away.lines[0]).toMatch(/^slack: failed: connect ECONNREFUSED/);
    expect([away.error?.code, away.error?.exitCode]).toEqual(['SERVER_UNREACHABLE', 69]);
  });

  it('has nothing to test without receivers', async () => {
    const { error } = await run('');
    expect(error?.message).toMatch(/sensor\.yaml names no receivers\. Add `notify:`/);
    expect(error?.exitCode).toBe(78);
  });
});
