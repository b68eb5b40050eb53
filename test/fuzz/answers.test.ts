import { deepStrictEqual, ok } from 'node:assert';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { culprits, type Line } from '../../src/influx/culprits.js';
import { HttpLink } from '../../src/influx/http.js';
import { verdictOf, writeVerdictOf } from '../../src/influx/verdict.js';
import { FUZZ_TIMEOUT_MS, fuzz, type Lot } from './fuzz.js';

const LINES: readonly Line[] = ['m,env=a x=1 1', 'm,env=a y=2i 2', "m,env=a'b x=1 3"].map((text, entry) => {
  return { text, entry, reading: true };
});

describe('an answer drawn by lot', () => {
  it(
    'drops no line that the server did not refuse, and takes none for stored that it did not take',
    {
      timeout: FUZZ_TIMEOUT_MS,
    },
    () =>
      fuzz(0.1977, (lot) => {
        const status = lot.one([200, 204, 400, 401, 413, 422, 429, 500, 503, 100 + lot.below(900)]);
        const body = bodyBy(lot);
        const retryAfter = lot.one([
          undefined,
          '3',
          '-1',
          '9'.repeat(400),
          'soon',
          'Sun, 22 Nov 2026 08:00:00 GMT',
          '',
        ]);
        const verdict = lot.one([verdictOf, writeVerdictOf])({ status, body, retryAfter });
        const may = {
          accepted: status >= 200 && status < 300,
          split: status === 413,
          refused: status === 400 || status === 422,
          retry: status === 408 || status === 429 || status >= 500,
          hold: true,
        };
        ok(may[verdict.kind], `${status} ${body} is ${verdict.kind}`);
        if (verdict.kind === 'retry') ok(verdict.afterMs === undefined || verdict.afterMs >= 0);
        if (verdict.kind !== 'accepted') ok(verdict.reason.length <= 500);
        if (verdict.kind !== 'refused' || verdict.leftOut === undefined) return;
        const found = culprits([...LINES], verdict.leftOut);
        ok(found === undefined || found.lines.every((line) => LINES.includes(line)));
        ok(
          found === undefined || (found.count >= 0 && found.count <= found.lines.length),
          JSON.stringify(found),
        );
      }),
  );
});

function bodyBy(lot: Lot): string {
  const word = () => lot.one(['', 'x', '<html>', '\0', '{', '"', "'", '\n', '😀', 'null', '[]', '1e9', '\\']);
  const said = lot.one([
    `partial write: field type conflict: input field "${word()}" on measurement "${word()}" is type float dropped=${lot.below(9)}`,
    `partial write: points beyond retention policy dropped=${lot.below(9)}`,
    `partial write: unable to parse '${lot.one(LINES).text}': ${word()} dropped=0`,
    `partial write: unable to parse '${word()}': bad dropped=${lot.below(3)}`,
    lot.times(lot.below(5), word).join(''),
  ]);
  const written = lot.one([
    () => said,
    () => JSON.stringify({ error: said }),
    () => JSON.stringify({ message: said, data: lot.one([null, {}, [], { error_message: said }]) }),
    () => JSON.stringify({ error: lot.one([1, null, [], {}]), message: lot.one([undefined, null, 2, said]) }),
    () => lot.one(['null', '[]', '0', '""', 'true', '{}']),
  ])();
  return lot.oneIn(3) ? written.slice(0, lot.below(written.length + 1)) : written;
}

describe('a server that says anything at all', () => {
  let server: Server;
  let answer: Buffer = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.once('data', () => socket.end(answer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it(
    'is heard out in time, and has stored lines only where its answer begins with a status of 2xx',
    {
      timeout: FUZZ_TIMEOUT_MS,
    },
    () =>
      fuzz(0.0005, async (lot) => {
        answer = answerBy(lot);
        const { port } = server.address() as AddressInfo;
        const link = new HttpLink({ host: '127.0.0.1', port, org: 'o', bucket: 'b', timeoutMs: 2_000 });
        const verdict = await link.write(Buffer.from(`${LINES[0]?.text}\n`), new AbortController().signal);
        const taken = /HTTP\/\d\.\d 2\d\d/.test(answer.toString('latin1'));
        const refused = /HTTP\/\d\.\d (400|413|422)/.test(answer.toString('latin1'));
        const may = { accepted: taken, refused, split: refused, retry: true, hold: true };
        deepStrictEqual([verdict.kind, may[verdict.kind]], [verdict.kind, true], answer.toString('latin1'));
      }),
  );
});

function answerBy(lot: Lot): Buffer {
  const headers = [
    ...['content-length: 5', 'content-length: -1', 'transfer-encoding: chunked', 'content-type: text/plain'],
    ...[
      'x-influxdb-version: 1.6.7',
      'x-influxdb-version: v99.x',
      'location: http://127.0.0.1:1/',
      ': x',
      'a b: c',
    ],
    ...[
      'retry-after: 99999999999999999999',
      'connection: upgrade',
      'content-encoding: gzip',
      `x: ${'y'.repeat(9_000)}`,
    ],
  ];
  const status = lot.one([
    '204 No Content',
    '200 OK',
    '400 Bad Request',
    '422 x',
    '503 x',
    '999 x',
    '307 x',
    '101 x',
    '',
  ]);
  const head = [`HTTP/1.1 ${status}`, ...lot.times(lot.below(4), () => lot.one(headers))].join('\r\n');
  const body = lot.one(['', '5\r\nhello\r\n0\r\n\r\n', 'hello', '<html>', '{"error":"x"}', 'ffffffffff\r\n']);
  const bytes = Buffer.from(`${head}\r\n\r\n${body}`);
  if (lot.oneIn(10)) return lot.bytes(lot.below(100));
  if (lot.oneIn(3)) bytes[lot.below(bytes.length)] = lot.below(256);
  return lot.oneIn(4) ? bytes.subarray(0, lot.below(bytes.length)) : bytes;
}
