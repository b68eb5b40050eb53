import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Receiver } from '../../src/definition.js';
import { selfSigned } from '../servers/certificates.js';
import { installed } from '../servers/program.js';
import { until } from '../until.js';
import { alert, ERROR, HIGH, openScene, WARN } from './scene.js';
import { type SmtpServer, startSmtp } from './smtp-server.js';

const PASSWORD = 'correct horse battery';
const RECEIVER: Receiver = {
  type: 'email',
  name: 'email',
  severities: ['critical'],
  to: ['ops@example.org', 'lab@example.org'],
};

let smtp: SmtpServer;
beforeEach(async () => {
  smtp = await startSmtp();
});
afterEach(() => smtp.close());

const environment = (more: NodeJS.ProcessEnv = {}) => ({
  SMTP_HOST: '127.0.0.1',
  SMTP_PORT: String(smtp.port),
  SMTP_FROM: 'Visualizer <visualizer@example.org>',
  SMTP_TLS: 'none',
  ...more,
});

async function fired(more: NodeJS.ProcessEnv = {}, of = HIGH) {
  const scene = await openScene({ receivers: [RECEIVER], environment: environment(more), timeoutMs: 2_000 });
  scene.fire(of);
  await scene.clock.advance(10_000);
  await scene.clock.quiet();
  return scene;
}

describe('an e-mail', () => {
  it('says in plain text and in HTML what fires, and then what has ended', async () => {
    const scene = await fired();
    scene.end(HIGH);
    await scene.clock.advance(90_000);
    await scene.notifications.close();
    const [first, second] = smtp.mails;
    expect(first).toMatchObject({
      from: 'visualizer@example.org',
      to: ['ops@example.org', 'lab@example.org'],
    });
    expect(first?.text).toContain('Subject: [FIRING:1] demo lab critical: load-high is too high');
    expect(first?.text).toMatch(/Content-Type: text\/plain[\s\S]*Mean of cpu_load over 1m: 7\.348 cores/);
    const html = first?.text.replace(/=\r\n/g, '').split('text/html')[1];
    expect(html).toMatch(/<b>Firing: load-high is too high<\/b>/);
    expect(second?.text).toContain('Subject: [RESOLVED] demo lab critical: load-high is too high');
    const thread = (text = '') => /^References: (.*)$/m.exec(text)?.[1];
    expect(thread(second?.text)).toBe(thread(first?.text));
  });

  it('is proof against texts that look like headers, HTML or the end of a mail', async () => {
    const evil = { ...alert('evil'), summary: 'a\r\nBcc: eve@example.org\r\n.\r\n<script>x</script> ü ∑' };
    const scene = await fired({}, evil);
    await scene.notifications.close();
    expect(smtp.mails).toHaveLength(1);
    expect(smtp.mails[0]?.to).not.toContain('eve@example.org');
    const { text = '' } = smtp.mails[0] ?? {};
    expect(text.slice(0, text.indexOf('\r\n\r\n'))).not.toMatch(/^Bcc:/m);
    expect(text.split('text/html')[1]).toContain('&lt;script&gt;x&lt;/script&gt;');
    expect(text.split('text/html')[1]).not.toContain('<script>');
  });

  it('is sent as a user, with a password that may stand in the clear only where SMTP_TLS=none', async () => {
    const user = { SMTP_USERNAME: 'visualizer', SMTP_PASSWORD: PASSWORD };
    const scene = await fired(user);
    expect(smtp.mails[0]?.auth).toBe(`visualizer:${PASSWORD}`);
    await scene.notifications.close();
    smtp.clear = '';
    const careful = await fired({ ...user, SMTP_TLS: undefined });
    expect(smtp.mails).toHaveLength(1);
    expect(smtp.clear).not.toContain('AUTH');
    expect(careful.said(ERROR)[0]).toMatch(
      /^email refuses a notification: check SMTP_HOST, SMTP_PORT, SMTP_TLS/,
    );
    await careful.notifications.close();
  });

  it.skipIf(!installed('openssl', 'openssl'))(
    'is not sent to a server that cannot prove who it is',
    async () => {
      await smtp.close();
      smtp = await startSmtp(selfSigned());
      const scene = await fired({
        SMTP_TLS: 'starttls',
        SMTP_USERNAME: 'visualizer',
        SMTP_PASSWORD: PASSWORD,
      });
      expect(smtp.mails).toEqual([]);
      expect(smtp.clear).not.toContain('AUTH');
      const told = scene.log.filter(({ level }) => level === ERROR || level === WARN);
      expect(told.map(({ reason }) => reason).join()).toContain('self-signed certificate');
      await scene.notifications.close();
    },
  );

  it('that the server takes for some only is not sent again', async () => {
    smtp.answers = { RCPT: (line) => (line.includes('lab@') ? '550 5.1.1 no such user' : undefined) };
    const scene = await fired();
    expect(smtp.mails.map(({ to }) => to)).toEqual([['ops@example.org']]);
    expect(scene.said(WARN)).toEqual(['Told email in part: the server does not take lab@example.org']);
    await scene.notifications.close();
  });

  it.each([
    ['MAIL', '450 4.2.0 come back later'],
    ['RCPT', '451 4.7.1 greylisted'],
    ['.', '452 4.3.1 disk is full'],
    ['EHLO', '421 4.3.2 shutting down'],
  ])('that is not taken now (%s: %s) is sent later', async (command, answer) => {
    smtp.answers = { [command]: answer, ...(command === 'EHLO' && { HELO: answer }) };
    const scene = await fired();
    expect(scene.said(WARN)).toEqual(['email takes no notification now; it is kept and tried again']);
    smtp.answers = {};
    await scene.clock.advance(120_000);
    expect(smtp.mails).toHaveLength(1);
    await scene.notifications.close();
  });

  it.each([
    ['AUTH', `535 5.7.8 not with ${PASSWORD}`],
    ['RCPT', '550 5.1.1 no such user'],
    ['.', '554 5.6.0 that is spam'],
  ])(
    'that is refused (%s) is not sent again, and the answer is told without the password',
    async (command, answer) => {
      smtp.answers = { [command]: answer };
      const scene = await fired({ SMTP_USERNAME: 'visualizer', SMTP_PASSWORD: PASSWORD });
      await scene.clock.advance(120_000);
      expect(smtp.mails).toEqual([]);
      expect(scene.said(ERROR)).toHaveLength(1);
      expect(JSON.stringify(scene.log)).toContain(answer.slice(0, 9));
      expect(JSON.stringify(scene.log)).not.toContain(PASSWORD);
      await scene.notifications.close();
    },
  );

  it('to a server that says nothing is given up in time', async () => {
    smtp.answers = { EHLO: () => '' };
    const scene = await openScene({ receivers: [RECEIVER], environment: environment(), timeoutMs: 200 });
    scene.fire(HIGH);
    void scene.clock.advance(10_000);
    await until('the outage is noticed', () => scene.said(WARN).length === 1);
    await scene.notifications.close();
  });

  it('to a server that talks without end is given up in time', async () => {
    const server = createServer((socket) => {
      socket.write('220 smtp.example.org\r\n');
      const timer = setInterval(() => socket.write('250-please wait\r\n'), 50);
      socket.on('error', () => {});
      socket.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    const more = environment({ SMTP_PORT: port });
    const scene = await openScene({ receivers: [RECEIVER], environment: more, timeoutMs: 200 });
    scene.fire(HIGH);
    void scene.clock.advance(10_000);
    await until('the outage is noticed', () => scene.said(WARN).length === 1);
    expect(scene.log.find(({ level }) => level === WARN)?.reason).toBe('no answer in time');
    await scene.notifications.close();
    server.close();
  });

  it.each([
    [{ SMTP_HOST: '' }, 'set SMTP_HOST (or SMTP_HOST_FILE, a file that holds it)'],
    [{ SMTP_USERNAME: 'me' }, 'set SMTP_PASSWORD (or SMTP_PASSWORD_FILE, a file that holds it)'],
    [{ SMTP_PASSWORD: PASSWORD }, 'set SMTP_USERNAME (or SMTP_USERNAME_FILE, a file that holds it)'],
    [{ SMTP_TLS: 'yes' }, 'SMTP_TLS must be one of starttls, tls, none'],
    [{ SMTP_PORT: 'smtp' }, 'SMTP_PORT must be a port, 1 to 65535'],
  ])('cannot be sent with %j, which is said at the start', async (more, advice) => {
    const scene = await openScene({ receivers: [RECEIVER], environment: environment(more) });
    expect(scene.said(ERROR)).toEqual([`email is not told of alerts: ${advice}`]);
    scene.fire(HIGH);
    await scene.notifications.close();
  });
});
