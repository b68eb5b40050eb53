import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selfSigned } from '../servers/certificates.js';
import { installed } from '../servers/program.js';
import { CLI } from '../visualizer.js';
import { type SmtpServer, startSmtp } from './smtp-server.js';

const PASSWORD = 'correct horse battery';

/** In a process of its own: which certificates are trusted is settled when one starts. */
describe.skipIf(!installed('openssl', 'openssl'))('an e-mail to a server that proves who it is', () => {
  let smtp: SmtpServer;
  let folder: string;
  beforeAll(async () => {
    const { key, cert } = selfSigned();
    smtp = await startSmtp({ key, cert });
    folder = mkdtempSync(join(tmpdir(), 'visualizer-notify-'));
    writeFileSync(join(folder, 'trusted.pem'), cert);
    writeFileSync(join(folder, 'password'), `${PASSWORD}\n`);
    writeFileSync(
      join(folder, 'sensor.yaml'),
      'name: demo\nmeasurement: m\nmetrics: [{ name: x, type: float, kind: gauge }]\n' +
        'notify: [{ type: email, to: [ops@example.org] }]\n',
    );
  });
  afterAll(async () => {
    await smtp.close();
    rmSync(folder, { recursive: true });
  });

  it('goes out encrypted, password and all', async () => {
    const script = `
      import { testNotifications } from ${JSON.stringify(pathToFileURL(join(CLI, '../../build/commands/notify.js')).href)};
      const settings = { sensor: ${JSON.stringify(join(folder, 'sensor.yaml'))} };
      const log = { debug() {} };
      await testNotifications({ settings, environment: process.env, log, output: process.stdout });
    `;
    const { stdout, stderr } = await execa(process.execPath, ['--input-type=module', '--eval', script], {
      reject: false,
      extendEnv: false,
      env: {
        NODE_EXTRA_CA_CERTS: join(folder, 'trusted.pem'),
        SMTP_HOST: '127.0.0.1',
        SMTP_PORT: String(smtp.port),
        SMTP_FROM: 'visualizer@example.org',
        SMTP_USERNAME: 'visualizer',
        SMTP_PASSWORD_FILE: join(folder, 'password'),
      },
    });
    expect([stdout, stderr]).toEqual(['email: ok', '']);
    expect(smtp.mails).toMatchObject([
      { encrypted: true, auth: `visualizer:${PASSWORD}`, to: ['ops@example.org'] },
    ]);
    expect(smtp.clear).not.toContain('AUTH');
  });
});
