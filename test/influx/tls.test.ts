import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpLink, type HttpOptions } from '../../src/influx/http.js';
import { type Certified, selfSigned } from '../servers/certificates.js';
import { installed } from '../servers/program.js';
import { answer, type ScriptedInflux, startScriptedInflux } from '../servers/scripted-influx.js';
import { until } from '../until.js';
import { logLines, type Run, shellSensor, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

const NEVER = new AbortController().signal;
const LINE = Buffer.from('m,env=a x=1 1795334400000000000\n');
const TOKEN = 'a-token-for-one-server-only';

describe.skipIf(!installed('openssl', 'openssl'))('an InfluxDB that is spoken to over TLS', () => {
  let own: Certified;
  let folder: string;
  let server: ScriptedInflux;
  beforeAll(async () => {
    own = selfSigned();
    folder = temporaryFolder();
    await writeFile(join(folder, 'own.pem'), own.cert);
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    server = await startScriptedInflux('2.7.1', own);
  });
  afterEach(() => server.close());

  const options = (changes: Partial<HttpOptions> = {}): HttpOptions => ({
    ...{ host: '127.0.0.1', port: server.port, org: 'o', bucket: 'b', token: TOKEN, timeoutMs: 5_000 },
    ...changes,
  });
  const write = (changes: Partial<HttpOptions>) => new HttpLink(options(changes)).write(LINE, NEVER);

  it('gets the lines where its certificate is vouched for, over one connection', async () => {
    const link = new HttpLink(options({ tls: { authorities: own.cert } }));
    for (let index = 0; index < 3; index += 1) {
      expect(await link.write(LINE, NEVER)).toEqual({ kind: 'accepted' });
    }
    expect(server.writes).toHaveLength(3);
    expect(server.writes[0]?.headers.authorization).toBe(`Token ${TOKEN}`);
    expect(server.connections).toBe(1);
  });

  it('gets nothing where nobody vouches for it; the lines are kept, and --ca is named', async () => {
    expect(await write({ tls: {} })).toEqual({
      kind: 'hold',
      reason: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      mend: expect.stringContaining('--ca'),
    });
    expect(server.requests).toEqual([]);
  });

  it('gets nothing where somebody else is vouched for', async () => {
    expect(await write({ tls: { authorities: selfSigned().cert } })).toMatchObject({ kind: 'hold' });
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['has expired', { from: new Date(Date.now() - 10 * 86_400_000) }, 'CERT_HAS_EXPIRED', 'renew'],
    ['counts from tomorrow on', { from: new Date(Date.now() + 86_400_000) }, 'CERT_NOT_YET_VALID', 'clock'],
    ['is for another name', { name: 'DNS:elsewhere.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID', '--host'],
  ])('gets nothing where its certificate %s; the lines are kept', async (_, made, code, advice) => {
    const other = selfSigned(made);
    const impostor = await startScriptedInflux('2.7.1', other);
    try {
      expect(await write({ port: impostor.port, tls: { authorities: other.cert } })).toEqual({
        kind: 'hold',
        reason: expect.stringContaining(code),
        mend: expect.stringContaining(advice),
      });
      expect(impostor.requests).toEqual([]);
    } finally {
      await impostor.close();
    }
  });

  it('that does not speak TLS after all has the lines kept, and says what to look at', async () => {
    const plain = await startScriptedInflux();
    try {
      expect(await write({ port: plain.port, tls: {} })).toMatchObject({
        kind: 'hold',
        mend: expect.stringContaining('leave --tls out'),
      });
    } finally {
      await plain.close();
    }
  });

  it('is never sent lines in the clear: without --tls they are kept', async () => {
    expect((await write({})).kind).toMatch(/retry|hold/);
    expect(server.requests).toEqual([]);
  });

  it('is not followed to where it redirects, and its token stays with it', async () => {
    const other = await startScriptedInflux();
    try {
      server.otherwise = answer(307, '', { location: `http://127.0.0.1:${other.port}/api/v2/write` });
      expect(await write({ tls: { authorities: own.cert } })).toMatchObject({ kind: 'hold' });
      expect(other.requests).toEqual([]);
    } finally {
      await other.close();
    }
  });

  const runs: Run[] = [];
  afterEach(() => Promise.all(runs.splice(0).map((started) => started.kill('SIGTERM') && started)));

  const run = (args: readonly string[], environment: Record<string, string> = {}) => {
    const started = visualizer(
      [
        ...['run', '--no-page', '--host', '127.0.0.1', '--port', String(server.port), '--restart', 'never'],
        ...['--path-executable', shellSensor(folder, 'echo 7.5 5000000 1; exec sleep 60')],
        ...['--state-dir', join(folder, 'state'), '--drain-timeout', '10s', ...args],
      ],
      { INFLUX_TOKEN: TOKEN, ...environment },
    );
    runs.push(started);
    return started;
  };

  it('has what a run reads, from --tls and --ca or their variables on', async () => {
    const own = join(folder, 'own.pem');
    for (const [args, environment] of [
      [['--tls', '--ca', own], {}],
      [[], { INFLUX_TLS: 'true', INFLUX_CA: own }],
    ] as [string[], Record<string, string>][]) {
      const started = run(args, environment);
      await untilLogged(started, 'takes the readings');
      started.kill('SIGTERM');
      const { exitCode, stderr } = await started;
      expect(exitCode).toBe(0);
      expect(logLines(stderr).at(-1)).toMatchObject({ read: 1, delivered: 1, queued: 0 });
      await rm(join(folder, 'state'), { recursive: true });
      expect(stderr).not.toContain('NODE_TLS_REJECT_UNAUTHORIZED');
    }
  });

  it('has to prove who it is under NODE_TLS_REJECT_UNAUTHORIZED=0 too, which is told; the next run delivers', async () => {
    const careless = run(['--tls', '--drain-timeout', '0'], { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    await untilLogged(careless, 'readings wait in the buffer');
    careless.kill('SIGTERM');
    const { stderr } = await careless;
    expect(logLines(stderr)[0]).toMatchObject({
      level: 'warn',
      msg: expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED=0'),
    });
    expect(logLines(stderr).at(-1)).toMatchObject({ delivered: 0, queued: 1 });
    expect(server.requests).toEqual([]);

    const careful = run(['--tls', '--ca', join(folder, 'own.pem')]);
    await untilLogged(careful, 'takes the readings');
    careful.kill('SIGTERM');
    expect(logLines((await careful).stderr).at(-1)).toMatchObject({ queued: 0 });
    expect(server.writes[0]?.lines.join()).toContain('cpu_load=7.5');
  });

  it('is asked to --clear-data over TLS, or not at all', async () => {
    const refused = await run(['--clear-data', '--tls']);
    expect(refused.exitCode).toBe(77);
    expect(refused.stderr).toContain('--ca');
    expect(refused.stderr).toContain('Nothing was deleted, neither there nor here.');
    expect(server.requests).toEqual([]);

    const cleared = run(['--clear-data', '--tls', '--ca', join(folder, 'own.pem')]);
    await Promise.race([cleared, until('it was asked', () => server.requests.length > 1)]);
    expect(server.requests.map(({ url }) => url.pathname)).toContain('/api/v2/delete');
  });

  it.each([
    ['--ca without --tls', ['--ca', 'own.pem'], '--ca says nothing without --tls'],
    ['--tls with --use-udp', ['--tls', '--use-udp'], '--tls is about HTTP'],
    [
      'a --ca that is not there',
      ['--tls', '--ca', '/nowhere/ca.pem'],
      '--ca: /nowhere/ca.pem cannot be read',
    ],
    ['a --ca without a certificate', ['--tls', '--ca', 'package.json'], 'holds no certificate'],
  ])('is not begun with where %s is asked for: exit 78', async (_, args, text) => {
    const { exitCode, stderr } = await run(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining(text) });
  });

  it('is not begun with where a certificate of --ca is damaged: exit 78', async () => {
    await writeFile(join(folder, 'bad.pem'), own.cert.replace(/\n./, '\n!'));
    const { exitCode, stderr } = await run(['--tls', '--ca', join(folder, 'bad.pem')]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining('certificate 1') });
  });
});
