import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/alerting/receivers.js';
import { PEOPLE_TIMING } from '../../src/alerting/timing.js';
import { SEVERITIES } from '../../src/definition.js';
import { contactPointsOf, policiesOf } from '../../src/grafana/contact-points.js';
import { parseDuration } from '../../src/quantity.js';
import { alert, DEFINITION, HIGH, keyed, openScene, type Scene, SLOW, WIDE, webhookTo } from './scene.js';
import { type ScriptedReceiver, startReceiver } from './scripted-receiver.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let receiver: ScriptedReceiver;
let scene: Scene;
beforeEach(async () => {
  receiver = await startReceiver();
  scene = await openScene({ receivers: [webhookTo(receiver.url)] });
});
afterEach(async () => {
  await scene.notifications.close();
  await receiver.close();
});

/** What was told: `firing load-high load-wide`, with each ended alert in brackets. */
function told(): string[] {
  return receiver.received.map(({ body }) => {
    const alerts = body.alerts.map((each: { status: string; labels: { alert: string } }) =>
      each.status === 'firing' ? each.labels.alert : `(${each.labels.alert})`,
    );
    return [body.status, ...alerts].join(' ');
  });
}

describe('what is told and when', () => {
  it('is as Grafana does it: the same timing and the same addresses', () => {
    const definition = {
      ...DEFINITION,
      notify: [webhookTo('http://host:1/x'), keyed('slack'), keyed('victorops')],
    };
    const routes = policiesOf(definition).policies[0]?.routes ?? [];
    for (const severity of SEVERITIES) {
      const route = routes.find(({ object_matchers = [] }) => object_matchers[1]?.[2] === severity);
      expect(route?.group_by).toEqual(['sensor', 'env']);
      expect(PEOPLE_TIMING[severity]).toEqual({
        waitMs: parseDuration(route?.group_wait ?? ''),
        intervalMs: parseDuration(route?.group_interval ?? ''),
        repeatMs: parseDuration(route?.repeat_interval ?? ''),
      });
    }
    const urls = contactPointsOf(definition).contactPoints.map(({ receivers }) => receivers[0]?.settings.url);
    expect(urls).toContain(`${ENDPOINTS.slack}\${SLACK_WEBHOOK}`);
    expect(urls).toContain(`${ENDPOINTS.victorops}\${VICTOROPS_API_KEY}/\${VICTOROPS_ROUTING_KEY}`);
  });

  it('waits a little, so that what belongs together is told together', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(9 * SECOND);
    scene.fire(WIDE);
    expect(told()).toEqual([]);
    await scene.clock.advance(SECOND);
    await scene.clock.quiet();
    expect(told()).toEqual(['firing load-high load-wide']);
  });

  it('tells each env and each severity on its own', async () => {
    scene.fire(HIGH);
    scene.fire(HIGH, { env: 'prod' });
    scene.fire(SLOW);
    await scene.clock.advance(29 * SECOND, 3);
    expect(told()).toEqual(['firing load-high', 'firing load-high']);
    expect(receiver.received.map(({ body }) => body.groupLabels.env).sort()).toEqual(['lab', 'prod']);
    await scene.clock.advance(2 * SECOND, 3);
    expect(told()[2]).toBe('firing slow');
  });

  it('tells the end, with both times', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(5 * MINUTE);
    scene.end(HIGH);
    await scene.clock.advance(11 * SECOND);
    expect(told()).toEqual(['firing load-high', 'resolved (load-high)']);
    const [ended] = receiver.received[1]?.body.alerts ?? [];
    expect([ended.startsAt, ended.endsAt]).toEqual(['2026-11-22T08:00:00.000Z', '2026-11-22T08:05:00.000Z']);
  });

  it('tells those that fire still with one that has ended', async () => {
    scene.fire(HIGH);
    scene.fire(WIDE);
    await scene.clock.advance(2 * MINUTE);
    scene.end(HIGH);
    await scene.clock.advance(11 * SECOND);
    expect(told()).toEqual(['firing load-high load-wide', 'firing load-wide (load-high)']);
    scene.end(WIDE);
    await scene.clock.advance(2 * MINUTE);
    expect(told()[2]).toBe('resolved (load-wide)');
    await scene.clock.advance(2 * HOUR);
    expect(told()).toHaveLength(3);
  });

  it('repeats what goes on firing, at the interval of its severity', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(59 * MINUTE);
    expect(told()).toHaveLength(1);
    await scene.clock.advance(2 * MINUTE);
    expect(told()).toHaveLength(2);
    await scene.clock.advance(HOUR);
    expect(told()).toEqual(['firing load-high', 'firing load-high', 'firing load-high']);
  });

  it('says nothing of one that came and went while it waited', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(8 * SECOND);
    scene.end(HIGH);
    await scene.clock.advance(HOUR);
    expect(told()).toEqual([]);
  });

  it('has forgotten one that came and went when it comes again much later', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(5 * SECOND);
    scene.end(HIGH);
    await scene.clock.advance(5 * MINUTE);
    scene.fire(HIGH);
    await scene.clock.advance(9 * SECOND);
    expect(told()).toEqual([]);
    await scene.clock.advance(2 * SECOND);
    expect(told()).toEqual(['firing load-high']);
  });

  it('tells the end of one that ended while its begin was on its way', async () => {
    receiver.script.push((response) => {
      scene.end(HIGH);
      response.end();
    });
    scene.fire(HIGH);
    await scene.clock.advance(59 * SECOND);
    expect(told()).toEqual(['firing load-high']);
    await scene.clock.advance(30 * SECOND);
    expect(told()).toEqual(['firing load-high', 'resolved (load-high)']);
  });

  it('tells the begin of one that began again while its end was on its way', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(2 * MINUTE);
    receiver.script.push((response) => {
      scene.fire(HIGH);
      response.end();
    });
    scene.end(HIGH);
    await scene.clock.advance(3 * MINUTE);
    expect(told().slice(1)).toEqual(['resolved (load-high)', 'firing load-high']);
  });

  it('does not take the same notice twice', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(15 * SECOND);
    for (let count = 0; count < 5; count += 1) {
      scene.fire(HIGH);
      await scene.clock.advance(2 * MINUTE);
    }
    expect(told()).toHaveLength(1);
    scene.end(HIGH);
    scene.end(HIGH);
    await scene.clock.advance(20 * MINUTE);
    expect(told()).toHaveLength(2);
  });

  it('goes on when the wall clock is set back', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(15 * SECOND);
    scene.clock.set(scene.clock.now() - 24 * HOUR);
    scene.fire(WIDE);
    await scene.clock.advance(2 * MINUTE);
    expect(told()).toEqual(['firing load-high', 'firing load-high load-wide']);
    scene.end(WIDE);
    scene.clock.set(scene.clock.now() - 24 * HOUR);
    await scene.clock.advance(3 * MINUTE);
    expect(told()).toHaveLength(3);
  });

  it('ends nothing before it began, when the wall clock was set back in between', async () => {
    scene.fire(HIGH);
    await scene.clock.advance(2 * MINUTE);
    scene.clock.set(scene.clock.now() - HOUR);
    scene.notifications.reconcile([]);
    await scene.clock.advance(2 * MINUTE);
    const { body } = receiver.received[1] as (typeof receiver.received)[0];
    expect(body.alerts[0].endsAt).toBe(body.alerts[0].startsAt);
    expect(body.message).toContain('(0s)');
  });

  it('never tells more than one message in the interval, however much an alert flaps', async () => {
    const times: number[] = [];
    receiver.otherwise = (response) => {
      times.push(scene.clock.now());
      response.end();
    };
    for (let count = 0; count < 180; count += 1) {
      if (count % 2 === 0) scene.fire(HIGH);
      else scene.end(HIGH);
      await scene.clock.advance(10 * SECOND);
    }
    const pauses = times.slice(1).map((time, index) => time - (times[index] as number));
    expect(times.length).toBeGreaterThan(0);
    expect(times.length).toBeLessThanOrEqual(30);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(MINUTE);
  });

  it('tells of one that flaps faster than anybody waits', async () => {
    scene.end(HIGH);
    for (let count = 0; count < 4; count += 1) {
      scene.fire(HIGH);
      await scene.clock.advance(8 * SECOND);
      scene.end(HIGH);
      await scene.clock.advance(8 * SECOND);
    }
    expect(told()[0]).toBe('firing load-high');
  });

  it('ends what does not fire any more, and begins what does, when all is known anew', async () => {
    scene.fire(HIGH);
    scene.fire(WIDE);
    await scene.clock.advance(2 * MINUTE);
    scene.notifications.reconcile([scene.notice('firing', WIDE), scene.notice('firing', SLOW)]);
    await scene.clock.advance(MINUTE, 2);
    expect(told().slice(1)).toEqual(['firing load-wide (load-high)', 'firing slow']);
  });

  it('keeps to its bounds', async () => {
    for (let kind = 0; kind < 1_500; kind += 1) scene.fire(HIGH, { kind: `error.${kind}` });
    await scene.clock.advance(15 * SECOND);
    const { body } = receiver.received[0] as (typeof receiver.received)[0];
    expect([body.alerts.length, body.truncatedAlerts]).toEqual([500, 500]);
    expect(body.message.length).toBeLessThan(10_000);
    expect(scene.said(50)).toEqual(['Too many alerts for webhook: not all are told']);
  });

  it('tells many at once without a complaint of Node.js', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    for (let count = 0; count < 20; count += 1) scene.fire(HIGH, { env: `env-${count}` });
    await scene.clock.advance(15 * SECOND, 20);
    expect(told()).toHaveLength(20);
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  it('gives a receiver those of its severities', async () => {
    await scene.notifications.close();
    scene = await openScene({ receivers: [webhookTo(receiver.url, 'few', ['warning'])] });
    scene.fire(HIGH);
    scene.fire(alert('slow', 'warning'));
    await scene.clock.advance(MINUTE);
    expect(told()).toEqual(['firing slow']);
  });
});
