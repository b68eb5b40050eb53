import type { EraserOptions } from '../influx/clear.js';
import { InfluxServer, type ServerOptions, versionIn } from '../influx/server.js';
import { type Answer, verdictOf } from '../influx/verdict.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { checkWriting } from './probe.js';
import { speaksTls } from './tls.js';

export interface ServerCheckOptions extends EraserOptions {
  readonly stop: AbortSignal;
  /** A request that takes longer has failed, in ms. */
  readonly timeoutMs: number;
}

/** Where an InfluxDB listens unless told otherwise. */
const USUAL_PORT = 8086;
/** What the readings of a minute may be off by without anybody noticing it. */
const SKEW_MS = 5_000;
/** The Date header tells whole seconds. */
const HALF_SECOND_MS = 500;

/** Whether an InfluxDB answers there, has the same time as this machine, and takes and gives back readings. */
export async function checkServer(options: ServerCheckOptions): Promise<Finding[]> {
  const server = new InfluxServer(options);
  const greeting = await greet(server, options);
  const { answer, version, ms } = greeting;
  const locked = 'status' in answer && (answer.status === 401 || answer.status === 403);
  const refused = !locked && (verdictOf(answer).kind !== 'accepted' || greeting.stranger);
  if (refused) return [await notReached(server.name, greeting, options)];
  const called = version === '' ? '' : `, version ${version},`;
  return [
    ok('server', `${server.name}${called} answers in ${ms.toFixed(0)} ms`),
    ...checkClock(greeting),
    await checkWriting(server, versionIn(version), options),
  ];
}

interface Greeting {
  readonly answer: Answer;
  readonly version: string;
  /** It answers HTTP, and is no InfluxDB. */
  readonly stranger: boolean;
  readonly ms: number;
  /** How far the server's clock is ahead of this one, in ms; undefined where it does not tell. */
  readonly aheadMs: number | undefined;
}

async function greet(
  server: InfluxServer,
  { timeoutMs, stop }: Pick<ServerCheckOptions, 'timeoutMs' | 'stop'>,
): Promise<Greeting> {
  const asked = performance.now();
  let version = '';
  let date = Number.NaN;
  const request = { method: 'GET', path: '/ping', timeoutMs } as const;
  const answer = await server.request(request, stop, (headers) => {
    version = String(headers['x-influxdb-version'] ?? '');
    date = Date.parse(String(headers.date));
  });
  const ms = performance.now() - asked;
  // Halfway there the server has looked at its clock.
  const aheadMs = Number.isNaN(date) ? undefined : date + HALF_SECOND_MS - (Date.now() - ms / 2);
  const empty = 'status' in answer && (answer.status === 204 || answer.body === '');
  return { answer, version, ms, aheadMs, stranger: version === '' && !empty };
}

async function notReached(
  name: string,
  { answer }: Greeting,
  { host, port, tls, timeoutMs, stop }: ServerCheckOptions,
): Promise<Finding> {
  const refuse = (reason: string, remedy: string) => fail('server', 'SERVER_UNREACHABLE', reason, remedy);
  const verdict = verdictOf(answer);
  const reason = 'reason' in verdict ? verdict.reason : 'it answers what no InfluxDB would';
  const code = 'failure' in answer ? (answer.failure as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return refuse(`${name}: ${reason}`, `name the right machine with --host; see: getent hosts ${host}`);
  }
  // A certificate that nobody vouches for, or a port that does not speak TLS: it says itself what to mend.
  if ('failure' in answer && verdict.kind === 'hold')
    return refuse(`${name}: ${verdict.reason}`, verdict.mend);
  if (code !== 'ECONNREFUSED' && (await speaksTls(host, port, timeoutMs))) {
    return refuse(`${name} speaks TLS (https), and is asked in plain HTTP`, 'add --tls');
  }
  if ('status' in answer && answer.status >= 500) {
    return refuse(`${name} is not well: ${reason}`, 'look into its log; readings wait until it is');
  }
  if (port !== USUAL_PORT && (await isInflux({ host, port: USUAL_PORT, tls }, timeoutMs, stop))) {
    const remedy = `leave --port out, or give --port ${USUAL_PORT}`;
    return refuse(`${name}: ${reason}; an InfluxDB answers at port ${USUAL_PORT}`, remedy);
  }
  if ('status' in answer) {
    return refuse(
      `${name} is some other server: ${reason}`,
      `give the port of the InfluxDB with --port (often ${USUAL_PORT})`,
    );
  }
  const remedy =
    code === 'ECONNREFUSED'
      ? 'start the InfluxDB, or name the right one with --host and --port'
      : `see whether the machine is on, and lets this one in: nc -vz ${host} ${port}; --host and --port name another one`;
  return refuse(`${name}: ${reason}`, remedy);
}

async function isInflux(options: ServerOptions, timeoutMs: number, stop: AbortSignal): Promise<boolean> {
  const { version } = await greet(new InfluxServer(options), { timeoutMs, stop });
  return version !== '';
}

function checkClock({ aheadMs }: Greeting): Finding[] {
  if (aheadMs === undefined) return [];
  const seconds = Math.abs(aheadMs / 1_000).toFixed(0);
  if (Math.abs(aheadMs) <= SKEW_MS) return [ok('clock', "the server's and this machine's agree")];
  const [here, effect] = aheadMs > 0 ? ['behind', 'in the past'] : ['ahead of', 'in the future'];
  return [
    warn(
      'clock',
      `this machine's is ${seconds} s ${here} the server's: readings appear ${effect}`,
      'set both by NTP: sudo timedatectl set-ntp true, on both machines',
    ),
  ];
}
