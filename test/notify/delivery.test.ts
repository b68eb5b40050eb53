import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Log } from '../../src/log.js';
import { StateFile } from '../../src/notify/state-file.js';
import { until } from '../until.js';
import { ManualClock } from './manual-clock.js';
import { DEFINITION, ERROR, HIGH, keyed, openScene, SLOW, WARN, WIDE, webhookTo } from './scene.js';
import { answer, hangUp, neverAnswer, type ScriptedReceiver, startReceiver } from './scripted-receiver.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let receiver: ScriptedReceiver;
let folder: string;
let stateFile: string;
beforeEach(async () => {
  receiver = await startReceiver();
  folder = mkdtempSync(join(tmpdir(), 'visualizer-notify-'));
  stateFile = join(folder, 'notifications.json');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await receiver.close();
  rmSync(folder, { recursive: true });
});

const hook = () => [webhookTo(receiver.url)];
const told = () =>
  receiver.received.map(({ body }) =>
    body.alerts
      .map(({ status, labels }: { status: string; labels: { alert: string } }) => `${status} ${labels.alert}`)
      .join(', '),
  );

describe('a receiver that is away', () => {
  it('is tried again, ever more slowly and with full jitter, until it takes the message', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const scene = await openScene({ receivers: hook() });
    const times: number[] = [];
    receiver.otherwise = (response) => {
      times.push((scene.clock.now() - start) / SECOND);
      if (times.length < 9) response.writeHead(503).end();
      else response.end();
    };
    const start = scene.clock.now();
    scene.fire(HIGH);
    await scene.clock.advance(6 * MINUTE);
    expect(times).toEqual([10, 11, 13, 17, 25, 41, 73, 133, 193]);
    await scene.notifications.close();
  });

  it.each([
    ['refuses connections', undefined],
    ['cuts them', hangUp],
    ['never answers', neverAnswer],
    ['is busy', answer(503, '<html>busy')],
    ['has a timeout of its own', answer(408)],
    ['has had too much', answer(429)],
  ])('and %s: one message after the outage, and two lines in the log', async (_what, act) => {
    const scene = await openScene({ receivers: hook(), timeoutMs: act === neverAnswer ? 1_000 : 10_000 });
    if (act === undefined) await receiver.refuse();
    else receiver.otherwise = act;
    scene.fire(HIGH);
    await scene.clock.advance(30 * SECOND);
    scene.fire(WIDE);
    scene.end(HIGH);
    expect(scene.said(WARN)).toEqual(['webhook takes no notification now; it is kept and tried again']);
    receiver.received.length = 0;
    receiver.otherwise = answer(200);
    if (act === undefined) await receiver.listen();
    await scene.clock.advance(2 * MINUTE);
    expect(told()).toEqual(['firing load-wide, resolved load-high']);
    expect(
      scene.log.filter(({ msg }) => String(msg).startsWith('webhook takes notifications again')),
    ).toHaveLength(1);
    await scene.notifications.close();
  });

  it.each([
    ['nothing of an answer', neverAnswer],
    ['half an answer', (response: ServerResponse) => response.writeHead(503).write('half')],
  ])('and sends %s is given up in time, however often memory is tidied', async (_what, act) => {
    setFlagsFromString('--expose-gc');
    const tidy = setInterval(runInNewContext('gc'), 50);
    receiver.otherwise = act;
    const scene = await openScene({ receivers: hook(), timeoutMs: 500 });
    scene.fire(HIGH);
    void scene.clock.advance(10 * SECOND).catch(() => {});
    await until('it is given up', () => scene.said(WARN).length === 1, 5_000);
    clearInterval(tidy);
    await scene.notifications.close();
  });

  it('may ask for patience, in seconds or until a date', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const scene = await openScene({ receivers: hook() });
    const start = scene.clock.now();
    const times: number[] = [];
    const date = new Date(Date.now() + 100_000).toUTCString();
    receiver.script.push(
      answer(429, '', { 'retry-after': '30' }),
      answer(503, '', { 'retry-after': date }),
      answer(503, '', { 'retry-after': '0' }),
    );
    const original = receiver.received.push.bind(receiver.received);
    receiver.received.push = (...items) => {
      times.push(Math.round((scene.clock.now() - start) / SECOND));
      return original(...items);
    };
    scene.fire(HIGH);
    await scene.clock.advance(3 * MINUTE);
    expect(times.slice(0, 2)).toEqual([10, 40]);
    expect(times[2]).toBeGreaterThanOrEqual(136);
    expect(times[2]).toBeLessThanOrEqual(140);
    expect(times[3]).toBe((times[2] as number) + 4);
    await scene.notifications.close();
  });

  it('holds up no other receiver', async () => {
    const other = await startReceiver();
    const scene = await openScene({ receivers: [webhookTo(receiver.url), webhookTo(other.url, 'other')] });
    receiver.otherwise = neverAnswer;
    scene.fire(HIGH);
    await scene.clock.quiet(2);
    await scene.clock.advance(9 * SECOND, 2);
    scene.clock.set(scene.clock.now());
    void scene.clock.advance(2 * SECOND, 2).catch(() => {});
    await until('the other one is told', () => other.received.length === 1);
    await scene.notifications.close(50);
    await other.close();
  });
});

describe('a receiver that refuses', () => {
  it.each([400, 401, 403, 404, 410, 413, 301])(
    'with %i is asked once, and says what to mend',
    async (status) => {
      receiver.otherwise = answer(status, 'no such\n  token', { location: 'http://127.0.0.1:1/' });
      const scene = await openScene({ receivers: hook() });
      scene.fire(HIGH);
      await scene.clock.advance(30 * MINUTE);
      expect(receiver.received).toHaveLength(1);
      expect(scene.log.find(({ level }) => level === ERROR)).toMatchObject({
        receiver: 'webhook',
        reason: `${status} no such token`,
        mend: "check the receiver's url in the definition, and WEBHOOK_TOKEN",
      });
      expect(scene.said(ERROR)).toHaveLength(1);
      await scene.notifications.close();
    },
  );

  it('is told anew by the next run, since it may have been mended', async () => {
    receiver.otherwise = answer(401);
    const first = await openScene({ receivers: hook(), stateFile });
    first.fire(HIGH);
    await first.clock.advance(MINUTE);
    await first.notifications.close();
    receiver.otherwise = answer(200);
    const second = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    await second.clock.advance(MINUTE);
    expect(told()).toEqual(['firing load-high', 'firing load-high']);
    await second.notifications.close();
  });
});

describe('an end that is refused', () => {
  /** Told of the begin, and then it would not have the end. */
  async function refusedEnd() {
    const scene = await openScene({ receivers: hook(), stateFile });
    scene.fire(HIGH);
    await scene.clock.advance(2 * MINUTE);
    receiver.otherwise = answer(403);
    scene.end(HIGH);
    await scene.clock.advance(30 * MINUTE);
    expect(told()).toEqual(['firing load-high', 'resolved load-high']);
    return scene;
  }

  it('is told by the next run, so that no incident stays open', async () => {
    const first = await refusedEnd();
    await first.notifications.close();
    receiver.otherwise = answer(200);
    const second = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    second.notifications.reconcile([]);
    await second.clock.advance(30 * MINUTE);
    expect(told().slice(2)).toEqual(['resolved load-high']);
    await second.notifications.close();
  });

  it('goes with the next message, and is given up when that is refused too', async () => {
    const scene = await refusedEnd();
    scene.fire(WIDE);
    await scene.clock.advance(2 * MINUTE);
    expect(told().slice(2)).toEqual(['firing load-wide, resolved load-high']);
    receiver.otherwise = answer(200);
    scene.end(WIDE);
    await scene.clock.advance(2 * MINUTE);
    expect(told().slice(3)).toEqual(['resolved load-wide']);
    await scene.notifications.close();
  });

  it('is no reason to wait when the alert begins again', async () => {
    const scene = await refusedEnd();
    receiver.otherwise = answer(200);
    scene.fire(HIGH);
    await scene.clock.advance(MINUTE);
    expect(told().slice(2)).toEqual(['firing load-high']);
    await scene.notifications.close();
  });
});

describe('over a restart', () => {
  it('nothing is told twice, and what ends afterwards is told', async () => {
    const first = await openScene({ receivers: hook(), stateFile });
    first.fire(HIGH);
    await first.clock.advance(MINUTE);
    await first.notifications.close();
    const second = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    second.notifications.reconcile([second.notice('firing', HIGH)]);
    await second.clock.advance(10 * MINUTE);
    expect(told()).toEqual(['firing load-high']);
    second.end(HIGH);
    await second.clock.advance(MINUTE);
    expect(told()).toEqual(['firing load-high', 'resolved load-high']);
    await second.notifications.close();
  });

  it('what was not told is told, even if it has ended meanwhile', async () => {
    await receiver.refuse();
    const first = await openScene({ receivers: hook(), stateFile });
    first.fire(HIGH);
    await first.clock.advance(MINUTE);
    first.fire(WIDE);
    await first.notifications.close();
    await receiver.listen();
    const second = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    second.notifications.reconcile([second.notice('firing', HIGH)]);
    await second.clock.advance(MINUTE);
    expect(told()).toEqual(['firing load-high, resolved load-wide']);
    await second.notifications.close();
  });

  it('what resolved meanwhile, or is asked for no more, is over', async () => {
    const first = await openScene({ receivers: hook(), stateFile });
    first.fire(HIGH);
    first.fire(WIDE);
    first.fire(SLOW);
    await first.clock.advance(MINUTE, 2);
    await first.notifications.close();
    const definition = { ...DEFINITION, alerts: [HIGH, { ...SLOW, severity: 'critical' as const }] };
    const second = await openScene({ definition, receivers: hook(), stateFile, clock: first.clock });
    await second.clock.advance(10 * MINUTE, 2);
    expect(told().slice(2).sort()).toEqual(['firing load-high, resolved load-wide', 'resolved slow']);
    second.notifications.reconcile([]);
    await second.clock.advance(10 * MINUTE, 2);
    expect(told().slice(4)).toEqual(['resolved load-high']);
    await second.notifications.close();
  });

  it('what is over is forgotten', async () => {
    const scene = await openScene({ receivers: hook(), stateFile });
    scene.fire(HIGH);
    await scene.clock.advance(2 * MINUTE);
    scene.end(HIGH);
    await scene.clock.advance(2 * MINUTE);
    expect(receiver.received).toHaveLength(2);
    await scene.notifications.close();
    expect(JSON.parse(readFileSync(stateFile, 'utf8'))).toEqual({ version: 1, groups: [] });
  });

  it('in the middle of a message: it is ended, kept, and sent by the next run', async () => {
    const first = await openScene({ receivers: hook(), stateFile });
    receiver.otherwise = neverAnswer;
    first.fire(HIGH);
    void first.clock.advance(10 * SECOND).catch(() => {});
    await until('the message is on its way', () => receiver.received.length === 1);
    const started = performance.now();
    await first.notifications.close(100);
    expect(performance.now() - started).toBeLessThan(2_000);
    receiver.otherwise = answer(200);
    const second = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    await second.clock.advance(MINUTE);
    expect(receiver.received).toHaveLength(2);
    await second.notifications.close();
    const third = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    await third.clock.advance(10 * MINUTE);
    expect(receiver.received).toHaveLength(2);
    await third.notifications.close();
  });

  it('a message that arrives while all is stopped counts', async () => {
    const first = await openScene({ receivers: hook(), stateFile });
    receiver.otherwise = (response) => setTimeout(() => response.end(), 200);
    first.fire(HIGH);
    void first.clock.advance(10 * SECOND).catch(() => {});
    await until('the message is on its way', () => receiver.received.length === 1);
    await first.notifications.close();
    const second = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    await second.clock.advance(10 * MINUTE);
    expect(receiver.received).toHaveLength(1);
    await second.notifications.close();
  });

  it('after a kill at any moment the file is whole', async () => {
    const scene = await openScene({ receivers: hook(), stateFile });
    const seen = new Set<string>();
    for (let count = 0; count < 50; count += 1) {
      scene.fire(HIGH, { kind: String(count) });
      await new Promise((resolve) => setTimeout(resolve, count % 3));
      try {
        seen.add(JSON.parse(readFileSync(stateFile, 'utf8')).version);
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOENT');
      }
    }
    expect([...seen]).toEqual([1]);
    await scene.notifications.close();
    const [group] = JSON.parse(readFileSync(stateFile, 'utf8')).groups;
    expect(group.entries).toHaveLength(50);
  });

  it.each(['', '{', '{"version":2}', '{"version":1,"groups":[{}]}'])(
    'a state of %j is said, and left',
    async (text) => {
      writeFileSync(stateFile, text);
      const scene = await openScene({ receivers: hook(), stateFile });
      expect(scene.said(WARN)).toEqual([
        'What was told of alerts cannot be read; what fires is told once more',
      ]);
      scene.fire(HIGH);
      await scene.clock.advance(MINUTE);
      expect(told()).toEqual(['firing load-high']);
      await scene.notifications.close();
    },
  );

  it('where the state cannot be written, that is said once, and all are told', async () => {
    const scene = await openScene({ receivers: hook(), stateFile: join(folder, 'no', 'such', 'file') });
    scene.fire(HIGH);
    await scene.clock.advance(MINUTE);
    scene.fire(WIDE);
    await scene.clock.advance(MINUTE);
    expect(told()).toHaveLength(2);
    expect(scene.said(WARN)).toHaveLength(1);
    await scene.notifications.close();
  });

  it('is saved once that is possible again, though nothing has changed meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const path = join(folder, 'later', 'notifications.json');
    const warn = vi.fn();
    const state = new StateFile(path, { warn } as unknown as Log);
    state.save(() => []);
    while (warn.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    mkdirSync(join(folder, 'later'));
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await state.settled();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ version: 1, groups: [] });
  });

  it('a receiver that was not set up for a while has forgotten nothing', async () => {
    const endpoints = { slack: `${receiver.url}/` };
    const clock = new ManualClock();
    const run = (environment: NodeJS.ProcessEnv) =>
      openScene({ receivers: [keyed('slack')], endpoints, environment, stateFile, clock });
    const first = await run({ SLACK_WEBHOOK: 'T/B/x' });
    first.fire(HIGH);
    await clock.advance(MINUTE);
    await first.notifications.close();
    const second = await run({});
    second.end(HIGH);
    await second.notifications.close();
    const third = await run({ SLACK_WEBHOOK: 'T/B/x' });
    third.notifications.reconcile([]);
    await clock.advance(MINUTE);
    expect(receiver.received).toHaveLength(2);
    expect(receiver.received[1]?.body.text).toContain('RESOLVED');
    await third.notifications.close();
  });

  it('what a sensor of another name was told for is over', async () => {
    const first = await openScene({ receivers: hook(), stateFile });
    first.fire(HIGH);
    await first.clock.advance(MINUTE);
    await first.notifications.close();
    const definition = { ...DEFINITION, name: 'renamed' };
    const second = await openScene({ definition, receivers: hook(), stateFile, clock: first.clock });
    second.notifications.reconcile([second.notice('firing', HIGH)]);
    await second.clock.advance(2 * MINUTE, 2);
    const each = receiver.received.slice(1).map(({ body }) => `${body.status} ${body.groupLabels.sensor}`);
    expect(each.sort()).toEqual(['firing renamed', 'resolved demo']);
    await second.notifications.close();
  });

  it('a receiver that was not in the definition for a while has forgotten nothing', async () => {
    const other = webhookTo('http://127.0.0.1:1/', 'other');
    const first = await openScene({ receivers: hook(), stateFile });
    first.fire(HIGH);
    await first.clock.advance(MINUTE);
    await first.notifications.close();
    const second = await openScene({ receivers: [other], stateFile, clock: first.clock });
    second.end(HIGH);
    await second.notifications.close();
    const third = await openScene({ receivers: hook(), stateFile, clock: first.clock });
    third.notifications.reconcile([]);
    await third.clock.advance(MINUTE);
    expect(told()).toEqual(['firing load-high', 'resolved load-high']);
    await third.notifications.close();
  });

  it.each(['url', 'type'])('a receiver of another %s is told of what fires already', async (what) => {
    const old = await startReceiver();
    const environment = { SLACK_WEBHOOK_OPS: 'T/B/x' };
    const first = await openScene({
      receivers: [what === 'url' ? webhookTo(old.url, 'ops') : keyed('slack', 'ops')],
      endpoints: { slack: `${old.url}/` },
      environment,
      stateFile,
    });
    first.fire(HIGH);
    await first.clock.advance(MINUTE);
    expect(old.received).toHaveLength(1);
    await first.notifications.close();
    await old.close();
    const receivers = [webhookTo(receiver.url, 'ops')];
    const second = await openScene({ receivers, stateFile, clock: first.clock });
    second.notifications.reconcile([second.notice('firing', HIGH)]);
    await second.clock.advance(MINUTE);
    expect(told()).toEqual(['firing load-high']);
    await second.notifications.close();
  });
});
