import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receiver } from '../../src/definition.js';
import type { Notice } from '../../src/notify/notice.js';
import { hasAlertmanager, startAlertmanager } from '../servers/alertmanager.js';
import type { Server } from '../servers/server.js';
import { until } from '../until.js';
import { ManualClock } from './manual-clock.js';
import { HIGH, openScene, SLOW, WIDE, webhookTo } from './scene.js';
import { type ScriptedReceiver, startReceiver } from './scripted-receiver.js';

describe.skipIf(!hasAlertmanager)('a real Alertmanager', { timeout: 120_000 }, () => {
  let hook: ScriptedReceiver;
  let own: ScriptedReceiver;
  let server: Server;
  beforeAll(async () => {
    hook = await startReceiver();
    own = await startReceiver();
    server = await startAlertmanager(`${hook.url}/hook`);
  });
  afterAll(async () => {
    await server.stop();
    await hook.close();
    await own.close();
  });

  const receiver = (): Receiver => ({
    type: 'alertmanager',
    name: 'alertmanager',
    severities: ['critical', 'warning'],
    url: `http://127.0.0.1:${server.port}/`,
  });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  const api = async (path: string, body?: unknown): Promise<any> => {
    const options = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    };
    const response = await fetch(`http://127.0.0.1:${server.port}/api/v2/${path}`, body ? options : {});
    return response.json();
  };
  const standing = async (): Promise<
    { labels: { alert: string; env: string }; endsAt: string; status: { state: string } }[]
  > => api('alerts');
  const namesIn = (messages: ScriptedReceiver['received'], status: string) =>
    messages.flatMap(({ body }) =>
      body.alerts
        .filter((each: { status: string }) => each.status === status)
        .map(({ labels }: { labels: { alert: string } }) => labels.alert),
    );

  it('takes what fires and what has ended, keeps it while it is told again, and obeys a silence', async () => {
    const clock = new ManualClock(Date.now());
    const scene = await openScene({ clock, env: 'am', receivers: [receiver()] });
    await api('silences', {
      matchers: [{ name: 'alert', value: 'load-wide', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: 'a test',
      comment: 'known',
    });
    scene.fire(HIGH);
    scene.fire(WIDE);
    scene.fire(SLOW);
    await until('two of three are told', () => namesIn(hook.received, 'firing').length >= 2);
    expect(namesIn(hook.received, 'firing').sort()).toEqual(['load-high', 'slow']);
    const states = (await standing()).map(({ labels, status }) => [labels.alert, status.state]).sort();
    expect(states).toEqual([
      ['load-high', 'active'],
      ['load-wide', 'suppressed'],
      ['slow', 'active'],
    ]);

    const ends = async () =>
      Date.parse((await standing()).find(({ labels }) => labels.alert === 'slow')?.endsAt ?? '');
    const before = await ends();
    await clock.advance(61_000);
    await until('it is told again', async () => (await ends()) > before + 50_000);

    // The Alertmanager goes by the real time, which is behind the clock of the scene by now.
    clock.set(Date.now());
    scene.end(HIGH);
    scene.end(WIDE);
    await until('the end is told', () => namesIn(hook.received, 'resolved').includes('load-high'));
    expect((await standing()).map(({ labels }) => labels.alert)).toEqual(['slow']);
    expect(namesIn(hook.received, 'resolved')).not.toContain('load-wide');
    scene.end(SLOW);
    await until('all is over', async () => (await standing()).length === 0);
    await scene.notifications.close();
    expect([...scene.said(40), ...scene.said(50)]).toEqual([]);
  });

  it('is told after it was away, and after it has forgotten all', async () => {
    const clock = new ManualClock(Date.now());
    await server.kill();
    const scene = await openScene({ clock, receivers: [receiver()] });
    scene.fire(HIGH);
    await until('the outage is noticed', () => scene.said(40).length === 1);
    await server.start();
    hook.received.length = 0;
    await until('it is told', async () => {
      await clock.advance(10_000, 1);
      return namesIn(hook.received, 'firing').includes('load-high');
    });
    await scene.notifications.close();
  });

  it('takes the end of an alert at once, though the clock of its readings is ahead', async () => {
    const clock = new ManualClock(Date.now());
    const scene = await openScene({ clock, receivers: [receiver()] });
    const isThere = async () => (await standing()).some(({ labels }) => labels.env === 'ahead');
    const ahead = (state: Notice['state']) => {
      const notice = scene.notice(state, HIGH, { env: 'ahead' });
      scene.notifications.take([{ ...notice, since: notice.since + 3_600_000 }]);
    };
    ahead('firing');
    await until('it is there', isThere);
    await clock.quiet();
    ahead('resolved');
    await until('it is over', async () => !(await isThere()));
    await scene.notifications.close();
  });

  it('takes the end of an alert that began later, by a clock that was set back', async () => {
    const clock = new ManualClock(Date.now());
    const scene = await openScene({ clock, receivers: [receiver()] });
    const isThere = async () => (await standing()).some(({ labels }) => labels.env === 'back');
    scene.fire(HIGH, { env: 'back' });
    await until('it is there', isThere);
    await clock.quiet();
    clock.set(Date.now() - 3_600_000);
    scene.end(HIGH, { env: 'back' });
    await until('it is over', async () => !(await isThere()));
    await scene.notifications.close();
    expect(scene.said(50)).toEqual([]);
  });

  it('sends a webhook whose keys ours has as well, with the same meaning', async () => {
    hook.received.length = 0;
    const clock = new ManualClock(Date.now());
    const scene = await openScene({
      clock,
      receivers: [receiver(), webhookTo(own.url)],
      externalUrl: 'http://127.0.0.1:8087/',
    });
    scene.fire(HIGH, { env: 'keys' });
    await clock.advance(11_000, 2);
    await until('both tell', () => own.received.length > 0 && hook.received.some(isOfKeys));
    clock.set(Date.now());
    const theirs = hook.received.find(isOfKeys)?.body;
    const ours = own.received[0]?.body;
    expect(Object.keys(ours)).toEqual(expect.arrayContaining(Object.keys(theirs)));
    expect(Object.keys(ours.alerts[0])).toEqual(expect.arrayContaining(Object.keys(theirs.alerts[0])));
    for (const key of Object.keys(theirs)) expect(typeof ours[key], key).toBe(typeof theirs[key]);
    expect(ours.commonLabels).toEqual(theirs.commonLabels);
    expect(ours.groupLabels).toEqual(theirs.groupLabels);
    const { labels, annotations, startsAt, generatorURL } = theirs.alerts[0];
    expect(ours.alerts[0]).toMatchObject({ status: 'firing', labels, annotations, generatorURL });
    expect(Date.parse(ours.alerts[0].startsAt)).toBe(Date.parse(startsAt));
    await scene.notifications.close();
  });

  function isOfKeys({ body }: { body: { groupLabels: { env: string } } }): boolean {
    return body.groupLabels.env === 'keys';
  }
});
