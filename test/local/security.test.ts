import { connect } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { VisualizerError } from '../../src/errors.js';
import { Actions } from '../../src/local/actions.js';
import { isOwnHost } from '../../src/local/host-names.js';
import type { LivePageOptions } from '../../src/local/live-page.js';
import { Attempts } from '../../src/local/tokens.js';
import { until } from '../until.js';
import { ALERT, type Ask, ask, Listener, TestLog, useScene, Wire } from './server-fixture.js';

const TOKEN = 'a-long-random-token';
const BEARER = { authorization: `Bearer ${TOKEN}` };

const { closing, start } = useScene();

/** Served beyond this machine; asked by loopback all the same. */
async function startOpen(options: Partial<LivePageOptions> = {}): Promise<{ url: string }> {
  const page = await start({ host: '0.0.0.0', pageToken: TOKEN, ...options });
  const { port, hostname: told } = new URL(page.url);
  expect(told).toBe(hostname().toLowerCase());
  return { url: `http://127.0.0.1:${port}/` };
}

function wire(page: { url: string }, sends?: string): Wire {
  const opened = new Wire(page, sends);
  closing.push(() => opened.destroy());
  return opened;
}

describe('what anybody may send', () => {
  it.each([
    '/nothing',
    '/page/',
    '/api/',
    '/page.ts',
    '/../package.json',
    '/../../errors.ts',
    '/%2e%2e/%2e%2e/errors.ts',
    '/..%2f..%2ferrors.ts',
    '/..\\..\\errors.ts',
    '/./page.js',
    '//page.js',
    '//etc/passwd',
    '/%00',
    '/page.js%00.html',
    '/page.js/',
    '/page%2ejs',
    '/%',
    '/__proto__',
    '/constructor',
    'http://127.0.0.1/page.js',
    'file:///etc/passwd',
    '*',
  ])('%s is answered with 404', async (path) => {
    const { status, headers, body } = await ask(await start(), path);
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 404,
      type: 'application/json; charset=utf-8',
    });
    expect(JSON.parse(body)).toEqual({ error: expect.any(String) });
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    '%s is answered with 405',
    async (method) => {
      const page = await start();
      const answer = await ask(page, '/api/status', { method });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    },
  );

  it.each(['GET', 'HEAD', 'PUT'])('%s of the hook is answered with 405', async (method) => {
    expect(await ask(await start(), '/hooks/alerts', { method })).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
    });
  });

  it.each(['CONNECT 127.0.0.1:22 HTTP/1.1', 'BREW / HTTP/1.1', 'GET / HTTP/9.9', '\0\xff\0'])(
    '%j gets no further than a refusal',
    async (line) => {
      const page = await start();
      const opened = wire(page, `${line}\r\nHost: ${new URL(page.url).host}\r\n\r\n`);
      await until('it is cut', () => opened.ended);
      expect(opened.text).toMatch(/^(HTTP\/1\.1 400 Bad Request\r\n.*)?$/s);
      expect((await ask(page, '/healthz')).status).toBe(200);
    },
  );

  it('a request that says its length twice is refused, and nothing behind it is answered', async () => {
    const page = await start();
    const { host } = new URL(page.url);
    const opened = wire(
      page,
      `POST /hooks/alerts HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `0\r\n\r\nGET /api/status HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    await until('it is cut', () => opened.ended);
    expect(opened.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  });

  it('every answer forbids inline script, other origins, frames, and guessing types', async () => {
    const page = await startOpen();
    for (const path of ['/', '/login', '/api/status', '/nothing', '/healthz']) {
      const { headers } = await ask(page, path, { headers: path === '/' ? BEARER : {} });
      const policy = headers['content-security-policy'];
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      for (const rule of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) {
        expect(policy).toContain(rule);
      }
      expect(policy).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      });
      expect(headers).not.toHaveProperty('x-powered-by');
    }
    const { body } = await ask(page, '/login');
    expect(body).not.toMatch(/<script|style=|<style| on\w+=/);
  });
});

describe('by which name', () => {
  it('a page on loopback answers to loopback only', async () => {
    const page = await start();
    const { port } = new URL(page.url);
    const status = async (host: string) => (await ask(page, '/api/status', { headers: { host } })).status;
    for (const own of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `[::1]:${port}`,
      'LOCALHOST',
      'localhost:9',
    ]) {
      expect(await status(own), own).toBe(200);
    }
    for (const foreign of FOREIGN.filter(Boolean)) expect(await status(foreign), foreign).toBe(421);
    expect(await status('192.168.1.5'), 'an address of the network').toBe(421);
    const nameless = wire(page, 'GET /api/status HTTP/1.0\r\n\r\n');
    await until('it is answered', () => nameless.ended);
    expect(nameless.text).toMatch(/^HTTP\/1\.1 421 /);
    for (const path of ['/', '/events', '/page.js', '/hooks/alerts']) {
      const method = path === '/hooks/alerts' ? 'POST' : 'GET';
      const answer = await ask(page, path, { method, headers: { host: 'evil.example' } });
      expect(answer, path).toMatchObject({ status: 421 });
    }
  });

  const FOREIGN = [
    'evil.example',
    'evil.example:8087',
    'localhost.evil.example',
    'evil.localhost',
    '127.0.0.1.nip.io',
    '127.0.0.1:80@evil.example',
    'evil.example, localhost',
    'localhost:80:80',
    'local host',
    '[evil]',
    '[127.0.0.1]',
    '*',
    '',
  ];

  it('a page beyond this machine answers to addresses, its machine’s name, and the names that it is given', () => {
    const isOwn = (header: string) => isOwnHost(header, '0.0.0.0', ['sensors.example.org']);
    for (const own of [
      '10.0.0.7:8087',
      '[2001:db8::7]',
      hostname(),
      `${hostname()}.local:1`,
      'Sensors.example.org',
    ]) {
      expect(isOwn(own), own).toBe(true);
    }
    for (const foreign of FOREIGN) expect(isOwn(foreign), foreign).toBe(false);
    expect(isOwnHost('pi.lan:8087', 'pi.lan', [])).toBe(true);
    expect(isOwnHost(undefined, '0.0.0.0', [])).toBe(false);
  });

  it('answers to the names of a proxy as well, with any port, and to no others', async () => {
    const page = await start({ names: ['sensors.example.org', '2001:db8::7'] });
    const status = async (host: string, path = '/api/status') =>
      (await ask(page, path, { headers: { host } })).status;
    for (const own of [
      'sensors.example.org',
      'sensors.example.org:8443',
      'SENSORS.example.org',
      '[2001:db8::7]:80',
      'localhost',
    ]) {
      expect(await status(own), own).toBe(200);
    }
    for (const foreign of [
      ...FOREIGN.filter(Boolean),
      'example.org',
      'more.sensors.example.org',
      'sensors.example.org.evil.example',
      'sensors.example.org:',
      '10.0.0.7',
    ]) {
      expect(await status(foreign), foreign).toBe(421);
    }
    const hook = await ask(page, '/hooks/alerts', {
      method: 'POST',
      headers: { host: 'sensors.example.org' },
    });
    expect(hook, 'the proxy lets others in').toMatchObject({ status: 403 });
  });

  it('who knows the token needs no name, and health none either', async () => {
    const page = await startOpen();
    const host = 'sensor-runner:8087';
    expect((await ask(page, '/api/status', { headers: { host, ...BEARER } })).status).toBe(200);
    expect((await ask(page, '/api/status', { headers: { host } })).status).toBe(421);
    expect((await ask(page, '/readyz', { headers: { host } })).status).toBe(200);
  });

  it('other sites may link here, but ask nothing', async () => {
    const page = await start();
    const from = async (site: string, mode: string, path = '/', method = 'GET') =>
      (await ask(page, path, { method, headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode } })).status;
    expect(await from('same-origin', 'cors')).toBe(200);
    expect(await from('none', 'navigate')).toBe(200);
    expect(await from('cross-site', 'navigate')).toBe(200);
    expect(await from('cross-site', 'no-cors', '/api/status')).toBe(403);
    expect(await from('same-site', 'cors', '/events')).toBe(403);
    expect(await from('cross-site', 'navigate', '/hooks/alerts', 'POST')).toBe(403);
  });

  it('is reached by loopback only, unless told otherwise', async () => {
    const { port, hostname: listened } = new URL((await start()).url);
    expect(listened).toBe('127.0.0.1');
    const addresses = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? []);
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === 'IPv4')) {
      const socket = connect(Number(port), address);
      const error = await new Promise((resolve) =>
        socket.on('error', resolve).on('connect', () => resolve('open')),
      );
      socket.destroy();
      expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    }
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'example.org'])(
    'refuses to serve %s without a token',
    async (host) => {
      const error = await start({ host }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(VisualizerError);
      expect(error).toMatchObject({
        code: 'BAD_SETTING',
        message: expect.stringMatching(/--page-host .*PAGE_TOKEN/),
      });
    },
  );

  it('refuses a port that is taken and an address that is not here, naming the way out', async () => {
    const { port } = new URL((await start()).url);
    await expect(start({ port: Number(port) })).rejects.toThrow(/another program.*--page-port.*--no-page/);
    const elsewhere = start({ host: '203.0.113.9', pageToken: TOKEN });
    await expect(elsewhere).rejects.toMatchObject({
      code: 'BAD_SETTING',
      message: expect.stringContaining('no address of this machine'),
    });
  });
});

describe('the token', () => {
  const PATHS = ['/api/status', '/api/alerts?from=1&to=2', '/events', '/page.js', '/index.html', '/nothing'];

  it.each(PATHS)('%s is 401 without it, and with a wrong one', async (path) => {
    const page = await startOpen();
    for (const authorization of [
      undefined,
      'Bearer wrong',
      'Bearer',
      `Basic ${TOKEN}`,
      TOKEN,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(0, -1)}`,
    ]) {
      const answer = await ask(page, path, { headers: authorization === undefined ? {} : { authorization } });
      expect(answer, authorization).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
      expect(answer.body).toBe('{"error":"a token is needed"}');
    }
  });

  it('lets its bearer in, also to the event stream', async () => {
    const page = await startOpen();
    expect((await ask(page, '/api/status', { headers: BEARER })).status).toBe(200);
    expect((await ask(page, '/', { headers: BEARER })).body).toContain('<!doctype html>');
    const listener = new Listener(page, BEARER);
    closing.push(() => listener.destroy());
    await until('it listens', () => listener.events('status').length === 1);
    expect(listener.events('status')[0]?.about.login).toBe(true);
  });

  it('is asked for on loopback as well, where there is one; health is open', async () => {
    const page = await start({ pageToken: TOKEN });
    expect((await ask(page, '/api/status')).status).toBe(401);
    for (const path of ['/healthz', '/readyz', '/favicon.svg'])
      expect((await ask(page, path)).status).toBe(200);
  });

  it('is looked at ten times a minute only; logins that stand are not held up', async () => {
    const log = new TestLog();
    const page = await startOpen({ log });
    const cookie = await logIn(page);
    const wrong = { authorization: 'Bearer wrong' };
    for (let n = 0; n < 10; n += 1) {
      expect((await ask(page, '/api/status', { headers: wrong })).status).toBe(401);
    }
    const limited = await ask(page, '/api/status', { headers: BEARER });
    expect(limited.status).toBe(429);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(50);
    expect((await postLogin(page, TOKEN)).status).toBe(429);
    expect((await ask(page, '/api/status', { headers: { cookie } })).status).toBe(200);
    expect(log.warnings).toEqual([expect.stringContaining('Too many wrong tokens')]);
  });

  it('holds up only who sent the wrong ones, a network of IPv6 as one, and for a minute', () => {
    let now = 0;
    const told: string[] = [];
    const attempts = new Attempts(
      (address) => told.push(address),
      () => now,
    );
    const from = (remoteAddress: string) => ({ socket: { remoteAddress } }) as never;
    for (let n = 0; n < 10; n += 1) {
      attempts.failed(from('::ffff:10.0.0.7'));
      attempts.failed(from(`2001:db8:0:1::${n}`));
    }
    expect(attempts.wait(from('10.0.0.7'))).toBe(60);
    expect(attempts.wait(from('2001:db8:0:1:a:b:c:d'))).toBe(60);
    expect(attempts.wait(from('10.0.0.8'))).toBe(0);
    expect(attempts.wait(from('2001:db8:0:2::1'))).toBe(0);
    // The log says it once a minute, whoever it is.
    expect(told).toEqual(['10.0.0.7']);
    now = 60_000;
    expect(attempts.wait(from('10.0.0.7'))).toBe(0);
    attempts.failed(from('10.0.0.7'));
    expect(attempts.wait(from('10.0.0.7'))).toBe(0);
    for (let n = 0; n < 20; n += 1) attempts.failed(from('10.0.0.8'));
    expect(told).toEqual(['10.0.0.7', '10.0.0.8']);
  });
});

function postLogin(page: { url: string }, token: string, next = '/', headers: Ask['headers'] = {}) {
  return ask(page, '/login', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: String(new URLSearchParams({ token, next })),
  });
}

async function logIn(page: { url: string }): Promise<string> {
  const { headers } = await postLogin(page, TOKEN);
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

describe('the login', () => {
  it('takes who opens the page to a form, and back to where they were going', async () => {
    const page = await startOpen();
    expect(await ask(page, '/')).toMatchObject({ status: 303, headers: { location: '/login' } });
    const to = (await ask(page, '/?from=1&to=2')).headers.location as string;
    expect(to).toBe('/login?next=%2F%3Ffrom%3D1%26to%3D2');
    const { body } = await ask(page, to);
    expect(body).toContain('value="/?from=1&#38;to=2"');
    const entered = await postLogin(page, TOKEN, '/?from=1&to=2');
    expect(entered).toMatchObject({ status: 303, headers: { location: '/?from=1&to=2' } });
  });

  it('sets a cookie that no script reads, no other site sends, and that is not the token', async () => {
    const page = await startOpen();
    const { headers } = await postLogin(page, TOKEN);
    const [cookie = ''] = headers['set-cookie'] ?? [];
    expect(cookie).toMatch(
      /^visualizer_[0-9a-f]{8}=\S+; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).not.toContain(TOKEN);
    const secure = await postLogin(page, TOKEN, '/', { 'x-forwarded-proto': 'https' });
    expect(secure.headers['set-cookie']?.[0]).toMatch(/; Secure$/);
    const [pair = ''] = cookie.split(';');
    expect((await ask(page, '/api/status', { headers: { cookie: `a=b; ${pair}` } })).status).toBe(200);
  });

  it('refuses a wrong token, a cookie that was changed, made up, or is too old', async () => {
    const page = await startOpen();
    const wrong = await postLogin(page, 'wrong');
    expect(wrong.status).toBe(401);
    expect(wrong.body).toContain('not the token');
    expect(wrong.headers).not.toHaveProperty('set-cookie');
    const cookie = await logIn(page);
    const [name, value = ''] = cookie.split('=');
    const [expiry, random, signature = ''] = value.split('.');
    const other = signature.startsWith('0') ? '1' : '0';
    for (const forged of [
      `${Number(expiry) + 1}.${random}.${signature}`,
      `${expiry}.${random}.${other}${signature.slice(1)}`,
      `${expiry}.${random}`,
      TOKEN,
      '',
    ]) {
      const headers = { cookie: `${name}=${forged}` };
      expect((await ask(page, '/api/status', { headers })).status, forged).toBe(401);
    }
    const { Sessions } = await import('../../src/local/sessions.js');
    const sessions = await Sessions.open(TOKEN);
    const request = { headers: {} } as never;
    const old = sessions.begin(request, Date.now() - 8 * 86_400_000).split(';')[0] ?? '';
    expect((await ask(page, '/api/status', { headers: { cookie: old } })).status).toBe(401);
    const young = sessions.begin(request, Date.now() - 6 * 86_400_000).split(';')[0] ?? '';
    expect((await ask(page, '/api/status', { headers: { cookie: young } })).status).toBe(200);
  });

  it('outlives a restart, but not another token', async () => {
    const page = await start({ pageToken: TOKEN });
    const cookie = await logIn(page);
    const again = await start({ pageToken: TOKEN });
    expect((await ask(again, '/api/status', { headers: { cookie } })).status).toBe(200);
    const changed = await start({ pageToken: `${TOKEN}2` });
    expect((await ask(changed, '/api/status', { headers: { cookie } })).status).toBe(401);
  });

  it('ends with the logout', async () => {
    const page = await startOpen();
    const cookie = await logIn(page);
    const out = await ask(page, '/logout', { method: 'POST', headers: { cookie } });
    expect(out).toMatchObject({ status: 303, headers: { location: '/login' } });
    expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect((await ask(page, '/api/status', { headers: { cookie } })).status).toBe(401);
  });

  it('is not ended by another site, which cannot send its cookie', async () => {
    const page = await startOpen();
    const cookie = await logIn(page);
    const out = await ask(page, '/logout', { method: 'POST' });
    expect(out.status).toBe(303);
    expect(out.headers).not.toHaveProperty('set-cookie');
    expect((await ask(page, '/api/status', { headers: { cookie } })).status).toBe(200);
  });

  it('is found behind a cookie of the same name that another server of the machine has set', async () => {
    const page = await startOpen();
    const cookie = await logIn(page);
    const both = { cookie: `${cookie.split('=')[0]}=tossed; ${cookie}` };
    expect((await ask(page, '/api/status', { headers: both })).status).toBe(200);
    await ask(page, '/logout', { method: 'POST', headers: both });
    expect((await ask(page, '/api/status', { headers: { cookie } })).status).toBe(401);
  });

  it.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/api/status',
    '"><script>',
  ])('never leads to %s', async (next) => {
    const page = await startOpen();
    expect((await postLogin(page, TOKEN, next)).headers.location).toBe('/');
    expect((await ask(page, `/login?next=${encodeURIComponent(next)}`)).body).toContain('value="/"');
  });

  it('escapes what it shows', async () => {
    const page = await startOpen();
    const { body } = await ask(page, `/login?next=${encodeURIComponent('/?a="><script>alert(1)</script>')}`);
    expect(body).not.toContain('<script>');
  });

  it('is not there without a token', async () => {
    const page = await start();
    expect((await ask(page, '/login')).status).toBe(404);
    expect((await ask(page, '/')).status).toBe(200);
  });

  it('takes a short form only', async () => {
    const page = await startOpen();
    expect((await postLogin(page, 'x'.repeat(5_000))).status).toBe(413);
    expect((await postLogin(page, TOKEN, '/', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});

describe('who asks too much', () => {
  it('a huge body is refused before it is read, and while it is read', async () => {
    const page = await start({ actions: quietActions() });
    const { host } = new URL(page.url);
    const head = `POST /hooks/alerts HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
    const told = wire(page, `${head}Content-Length: 1048577\r\n\r\n`);
    await until('it is cut', () => told.ended);
    expect(told.text).toMatch(/^HTTP\/1\.1 413 /);
    const untold = wire(page, `${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const sending = setInterval(() => untold.socket.write(chunk), 1);
    await until('it is cut as well', () => untold.ended).finally(() => clearInterval(sending));
    expect(untold.text).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('a body that nobody wants is not waited for', async () => {
    const page = await start();
    const { host } = new URL(page.url);
    const opened = wire(
      page,
      `PUT /api/status HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000000\r\n\r\nxx`,
    );
    await until('it is cut', () => opened.ended, 3_000);
    expect(opened.text).toMatch(/^HTTP\/1\.1 405 /);
  });

  it('headers of more than 16 KiB are refused', async () => {
    const page = await start();
    const opened = wire(page, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`);
    await until('it is cut', () => opened.ended);
    expect(opened.text).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('headers that trickle, and connections that say nothing, are cut; others are served meanwhile', async () => {
    const page = await start();
    const slow = wire(page, 'GET / HTTP/1.1\r\nHost: localhost\r\n');
    const trickle = setInterval(() => slow.socket.write('X: y\r\n'), 500);
    const silent = wire(page);
    const began = performance.now();
    expect((await ask(page, '/healthz')).status).toBe(200);
    await until('the slow one is cut', () => slow.ended, 30_000).finally(() => clearInterval(trickle));
    expect(performance.now() - began).toBeGreaterThan(9_000);
    expect(slow.text).toMatch(/^(HTTP\/1\.1 408 .*)?$/s);
    await until('the silent one is cut', () => silent.ended, 40_000);
  }, 90_000);

  it('a body that trickles is cut', async () => {
    const page = await start({ actions: quietActions() });
    const opened = wire(
      page,
      'POST /hooks/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n',
    );
    const trickle = setInterval(() => opened.socket.write(' '), 500);
    await until('it is cut', () => opened.ended, 60_000).finally(() => clearInterval(trickle));
    expect(opened.text).toMatch(/^(HTTP\/1\.1 408 .*)?$/s);
  }, 90_000);

  it('of 1,000 connections 200 are held, and once they are gone the page is there again', async () => {
    const page = await start();
    const wires = Array.from({ length: 1_000 }, () => wire(page));
    await until('most are cut', () => wires.filter((each) => each.ended).length >= 800);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(wires.filter((each) => !each.ended)).toHaveLength(200);
    for (const each of wires) each.destroy();
    await until('it answers', async () => {
      return (await ask(page, '/healthz').catch(() => undefined))?.status === 200;
    });
  });

  it('fifty may listen, the next one is told to come later', async () => {
    const page = await start({ tickMs: 1_000 });
    const listeners = Array.from({ length: 50 }, () => new Listener(page));
    closing.push(() => listeners.map((each) => each.destroy()));
    await until('all listen', () => listeners.every((each) => each.events('status').length === 1));
    expect(await ask(page, '/events')).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
    expect((await ask(page, '/api/status')).status).toBe(200);
    listeners[0]?.destroy();
    await until('there is room', async () => (await ask(page, '/events', { method: 'HEAD' })).status === 200);
  });

  it('who pipelines without end is cut, a few at a time are answered in order', async () => {
    const page = await start();
    const question = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const few = wire(page, question('/healthz') + question('/page.js') + question('/readyz'));
    await until('all are answered', () => few.text.split('HTTP/1.1 200 OK').length === 4);
    expect(few.text.indexOf('javascript')).toBeLessThan(few.text.lastIndexOf('{"status":"ok"}'));
    const flood = wire(page, question('/api/status').repeat(2_000));
    await until('it is cut', () => flood.ended);
    expect(flood.text.split('HTTP/1.1 200 OK').length).toBeLessThan(1_000);
    expect((await ask(page, '/healthz')).status).toBe(200);
  });
});

function quietActions(): Actions {
  return new Actions({
    definition: { alerts: [{ ...ALERT, id: 'load-high', action: 'restart-sensor' }] },
    log: { info() {}, warn() {} },
  });
}
