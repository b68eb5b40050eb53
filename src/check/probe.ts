import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import { InfluxEraser } from '../influx/clear.js';
import { type InfluxServer, writePathOf } from '../influx/server.js';
import { type Answer, verdictOf, writeVerdictOf } from '../influx/verdict.js';
import { type Finding, fail, ok, warn } from './finding.js';
import type { ServerCheckOptions } from './server.js';

/** Nobody else writes there. */
const PROBE_MEASUREMENT = 'visualizer_check';

/** What was written may take a moment to be found. */
const READ_TRIES = 10;
const READ_PAUSE_MS = 200;

type Version = readonly [number, number] | undefined;

/** Writes a point to a measurement of its own, reads it back, and deletes it. */
export async function checkWriting(
  server: InfluxServer,
  version: Version,
  options: ServerCheckOptions,
): Promise<Finding> {
  // Each check has a point of its own: one that goes on at the same time must not delete it.
  const sensor = `check-${randomUUID()}`;
  const answer = await write(server, version, sensor, options);
  const verdict = writeVerdictOf(answer);
  const isOne = version?.[0] === 1;
  if (verdict.kind === 'accepted') {
    const read = await readBack(server, sensor, options);
    const left = await erase(sensor, options);
    if (read !== undefined) return unread(server.name, read, left);
    return left ?? ok('writing', `a point was written to ${options.bucket}, read back and deleted`);
  }
  // It may have been stored although nobody was told.
  if ('failure' in answer) await erase(sensor, options);
  if (!('status' in answer) || verdict.kind === 'retry') {
    const remedy = 'look into its log; readings wait until it takes them';
    return fail(
      'writing',
      'SERVER_UNREACHABLE',
      `${server.name} does not take a point: ${verdict.reason}`,
      remedy,
    );
  }
  return isOne ? refusedByOne(answer, verdict.reason, options) : refused(answer, verdict.reason, options);
}

function write(
  server: InfluxServer,
  version: Version,
  sensor: string,
  { org, bucket, timeoutMs, stop }: ServerCheckOptions,
): Promise<Answer> {
  const path = writePathOf(version, { org, bucket });
  const time = BigInt(Date.now()) * 1_000_000n;
  const body = `${PROBE_MEASUREMENT},sensor=${sensor} value=1i ${time}\n`;
  return server.request({ method: 'POST', path, body, timeoutMs }, stop);
}

/** By InfluxQL, as Grafana would. Returns why it was not found, or undefined. */
async function readBack(
  server: InfluxServer,
  sensor: string,
  { bucket, timeoutMs, stop }: ServerCheckOptions,
): Promise<string | undefined> {
  const q = `SELECT "value" FROM "${PROBE_MEASUREMENT}" WHERE "sensor" = '${sensor}'`;
  const path = `/query?${new URLSearchParams({ db: bucket, q })}`;
  for (let tries = READ_TRIES; tries > 0 && !stop.aborted; tries -= 1) {
    const answer = await server.request({ method: 'GET', path, timeoutMs }, stop);
    const verdict = verdictOf(answer);
    if (verdict.kind !== 'accepted') return verdict.reason;
    if ('body' in answer && isProbe(answer.body)) return undefined;
    if (tries > 1) await delay(READ_PAUSE_MS, undefined, { signal: stop }).catch(() => {});
  }
  return 'it was not found';
}

/** Not every server that speaks line protocol has an answer to InfluxQL, and some give one that says nothing. */
function isProbe(body: string): boolean {
  try {
    return JSON.parse(body).results[0].series[0].name === PROBE_MEASUREMENT;
  } catch {
    return false;
  }
}

/** Returns what is to be said where the point is still there. */
async function erase(sensor: string, options: ServerCheckOptions): Promise<Finding | undefined> {
  // A check that is stopped tidies up all the same.
  const stop = AbortSignal.timeout(options.timeoutMs);
  const deletion = { measurements: [PROBE_MEASUREMENT], sensor };
  const once = { stop, patience: { tries: 1, intervalMs: 0 }, onFailedTry: () => {} };
  const reason = await new InfluxEraser(options).erase(deletion, once).then(
    (erased) => (erased ? undefined : 'no answer in time'),
    (error: unknown) => messageOf(error).split(/[.:] /)[0],
  );
  if (reason === undefined) return undefined;
  return warn(
    'writing',
    `a point was written to ${options.bucket}, and could not be deleted: ${reason}`,
    `it stays in the measurement ${PROBE_MEASUREMENT} and does no harm; --clear-data will not work here either`,
  );
}

function unread(name: string, reason: string, left: Finding | undefined): Finding {
  return warn(
    'writing',
    `${name} took a point, but did not give it back: ${reason}${left === undefined ? '' : `; ${left.reason}`}`,
    'a run needs no more; for Grafana, give the token or user the right to read as well',
  );
}

type Told = Extract<Answer, { status: number }>;

/** What 1.x says. */
function refusedByOne({ status }: Told, reason: string, options: ServerCheckOptions): Finding {
  const { username, bucket } = options;
  const refuse = (text: string, remedy: string) => fail('writing', 'SERVER_REFUSED', text, remedy);
  if (status === 401) {
    const remedy = 'set INFLUX_USERNAME and INFLUX_PASSWORD (or ..._FILE) to a user of the InfluxDB';
    const text =
      username === undefined
        ? 'it asks for a user, and none is given'
        : `it does not know the user ${username} with this password`;
    return refuse(`${text}: ${reason}`, remedy);
  }
  if (status === 403) {
    const grant = `GRANT ALL ON "${bucket}" TO "${username ?? 'user'}"`;
    return refuse(
      `the user may not write to ${bucket}: ${reason}`,
      `as an admin: influx -execute '${grant}'`,
    );
  }
  if (status === 404) {
    return warn(
      'writing',
      `the database ${bucket} is not there yet; the run makes it`,
      `if it has another name, give it with --bucket; to make it now: influx -execute 'CREATE DATABASE "${bucket}"'`,
    );
  }
  return refuse(`it does not take a point: ${reason}`, 'look into the log of the InfluxDB');
}

/** What 2.x and 3 say. */
function refused({ status, body }: Told, reason: string, options: ServerCheckOptions): Finding {
  const { token, org, bucket } = options;
  const refuse = (text: string, remedy: string) => fail('writing', 'SERVER_REFUSED', text, remedy);
  if (status === 401 && token === undefined) {
    return refuse(
      `it asks for a token, and none is given: ${reason}`,
      'set INFLUX_TOKEN, or INFLUX_TOKEN_FILE',
    );
  }
  if (status === 401) {
    const list = 'see the tokens that there are: influx auth list';
    return refuse(`it does not know this token: ${reason}`, `set INFLUX_TOKEN to one that it knows; ${list}`);
  }
  if (status === 403) {
    const make = `influx auth create --org ${org} --write-buckets --read-buckets`;
    return refuse(`the token may not write to ${bucket}: ${reason}`, `take one that may: ${make}`);
  }
  if (status === 404 && /organi[sz]ation/i.test(body)) {
    const remedy = 'name the right one with --org (INFLUX_ORG); see: influx org list';
    return refuse(`it does not know the organisation ${org}: ${reason}`, remedy);
  }
  if (status === 404) {
    const remedy = `make it: influx bucket create --org ${org} --name ${bucket}; or name the right one with --bucket (INFLUX_BUCKET)`;
    return refuse(`it has no bucket ${bucket}: ${reason}`, remedy);
  }
  return refuse(
    `it does not take a point: ${reason}`,
    'check --host and --port, and look into the log of the server',
  );
}
