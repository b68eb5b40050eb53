import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certified {
  readonly key: string;
  readonly cert: string;
}

/** A key and a certificate for 127.0.0.1 or another name, which nobody has signed but itself. */
export function selfSigned({ name = 'IP:127.0.0.1', from = new Date(), days = 2 } = {}): Certified {
  const folder = mkdtempSync(join(tmpdir(), 'visualizer-tls-'));
  const file = (suffix: string) => join(folder, suffix);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  try {
    writeFileSync(file('config'), CONFIG.replace('<name>', name));
    writeFileSync(file('index'), '');
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key', '-out', 'request', '-subj', '/CN=test');
    const dates = ['-startdate', asn1(from.getTime()), '-enddate', asn1(from.getTime() + days * DAY_MS)];
    const signing = ['-selfsign', '-keyfile', 'key', '-in', 'request', '-out', 'cert', '-notext'];
    openssl('ca', '-batch', '-rand_serial', '-config', 'config', ...signing, ...dates);
    return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('cert'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `openssl ca` is the one that can make a certificate that has expired. */
const CONFIG = `
[ca]
default_ca = test
[test]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = <name>
basicConstraints = CA:TRUE
`;

const DAY_MS = 86_400_000;

/** As in `20261122103000Z`. */
function asn1(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+|[-:T]/g, '');
}
