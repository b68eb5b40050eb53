import { UdpLink } from '../influx/udp.js';
import { type Finding, fail, ok } from './finding.js';

export interface UdpCheckOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

/** A comment of line protocol: whoever listens takes it, and stores nothing. */
const COMMENT = Buffer.from('# visualizer check\n');

/** Whether somebody listens; the news that nobody does is all that ever comes back. */
export async function checkUdp({ host, port, timeoutMs, stop }: UdpCheckOptions): Promise<Finding> {
  const link = new UdpLink({ host, port, payloadBytes: COMMENT.length });
  try {
    const verdict = await link.write(COMMENT, AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]));
    if (verdict.kind === 'accepted') {
      return ok(
        'server',
        `${link.name}: nobody refuses what is sent; UDP does not tell whether it is stored`,
      );
    }
    const remedy = `turn on [[udp]] with bind-address ":${port}" in influxdb.conf, or leave --use-udp out`;
    return fail('server', 'SERVER_UNREACHABLE', `${link.name}: ${verdict.reason}`, remedy);
  } finally {
    await link.close();
  }
}
