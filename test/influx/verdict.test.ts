import { describe, expect, it } from 'vitest';
import { type Answer, type Verdict, verdictOf } from '../../src/influx/verdict.js';
import { retryAfterMs } from '../../src/retry-after.js';

const NOW = Date.parse('2026-11-22T08:00:00Z');
const failure = (code: string) => Object.assign(new Error(`connect ${code}`), { code });
const json = (body: object) => JSON.stringify(body);

const TABLE: [string, Answer, Partial<Verdict> & Record<string, unknown>][] = [
  ['204 is accepted', { status: 204, body: '' }, { kind: 'accepted' }],
  ['200 is accepted', { status: 200, body: json({ results: [] }) }, { kind: 'accepted' }],
  ['a web page with 200 is no InfluxDB', { status: 200, body: ' <!doctype html>' }, { kind: 'hold' }],
  ['a redirect is no InfluxDB', { status: 302, body: '' }, { kind: 'hold' }],
  ['408 is tried again, with less', { status: 408, body: '' }, { kind: 'retry', cutOff: true }],
  ['504 is tried again, with less', { status: 504, body: '<html>' }, { kind: 'retry', cutOff: true }],
  ['429 is tried again', { status: 429, body: '' }, { kind: 'retry', afterMs: undefined }],
  ['429 says when', { status: 429, body: '', retryAfter: '7' }, { kind: 'retry', afterMs: 7_000 }],
  [
    '503 says when, as a date',
    { status: 503, body: '', retryAfter: 'Sun, 22 Nov 2026 08:02:00 GMT' },
    { kind: 'retry', afterMs: 120_000 },
  ],
  ['500 is tried again', { status: 500, body: 'timeout' }, { kind: 'retry', reason: '500 timeout' }],
  ['a web page with 502 is tried again', { status: 502, body: '<html>' }, { kind: 'retry' }],
  [
    '401 waits for a person, and says what to mend',
    { status: 401, body: json({ code: 'unauthorized', message: 'unauthorized access' }) },
    {
      kind: 'hold',
      reason: '401 unauthorized access',
      mend: expect.stringContaining('INFLUX_TOKEN'),
    },
  ],
  [
    '403 waits for a person',
    { status: 403, body: '' },
    { kind: 'hold', mend: expect.stringContaining('right') },
  ],
  [
    '404 waits for a person',
    { status: 404, body: json({ error: 'database not found: "x"' }) },
    { kind: 'hold', reason: '404 database not found: "x"', mend: expect.stringContaining('INFLUX_BUCKET') },
  ],
  [
    'a web page with 404 is that of another server, and is told by its title',
    { status: 404, body: '<!DOCTYPE html>\n<html><head><title>\n Not found </title></head></html>' },
    {
      kind: 'hold',
      reason: '404 a web page, "Not found"',
      mend: expect.stringContaining('check --host and --port'),
    },
  ],
  ['405 waits for a person', { status: 405, body: '' }, { kind: 'hold' }],
  ['413 is split', { status: 413, body: '<html>too large</html>' }, { kind: 'split' }],
  [
    '400 is refused',
    { status: 400, body: json({ code: 'invalid', message: "unable to parse 'm x='" }) },
    { kind: 'refused', reason: "400 unable to parse 'm x='", leftOut: undefined },
  ],
  [
    '400 of InfluxDB 3 is refused, with its details',
    {
      status: 400,
      body: json({ error: 'parsing failed', data: { error_message: 'No fields', line_number: 2 } }),
    },
    { kind: 'refused', reason: '400 parsing failed: No fields', leftOut: undefined },
  ],
  [
    '400 with a body of null is refused',
    { status: 400, body: 'null' },
    { kind: 'refused', reason: '400 null' },
  ],
  ['a web page with 400 is not about the lines', { status: 400, body: '<html>plain HTTP' }, { kind: 'hold' }],
  [
    'the complaint of a TLS server is not about the lines',
    { status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' },
    { kind: 'hold' },
  ],
  [
    'a partial write of 1.x tells how many it left out',
    { status: 400, body: json({ error: 'partial write: field type conflict: input ... dropped=3' }) },
    {
      kind: 'refused',
      leftOut: { count: 3, message: 'partial write: field type conflict: input ... dropped=3' },
    },
  ],
  [
    'a partial write of 2.x tells how many it left out',
    { status: 422, body: json({ message: 'failure writing points: partial write: x\ny dropped=12' }) },
    { kind: 'refused', leftOut: expect.objectContaining({ count: 12 }) },
  ],
  [
    '422 that does not speak of a partial write is sifted like 400',
    { status: 422, body: '' },
    { kind: 'refused', leftOut: undefined },
  ],
  ['a refused connection is tried again', { failure: failure('ECONNREFUSED') }, { kind: 'retry' }],
  [
    'a failure without a message still has a reason',
    { failure: Object.assign(new AggregateError([], ''), { code: 'ENETUNREACH' }) },
    { kind: 'retry', reason: 'ENETUNREACH' },
  ],
];

describe('the verdict on an answer', () => {
  it.each(TABLE)('%s', (_, answer, expected) => {
    expect(verdictOf(answer, NOW)).toMatchObject(expected);
  });

  it('gives people a short reason, and keeps the whole message of a partial write', () => {
    const message = `partial write: ${'x'.repeat(100_000)} dropped=2`;
    const verdict = verdictOf({ status: 400, body: json({ error: message }) });
    expect(verdict).toMatchObject({ kind: 'refused', leftOut: { count: 2, message } });
    expect((verdict as { reason: string }).reason.length).toBeLessThanOrEqual(500);
  });

  it('is one of five for every status and every body', () => {
    const bodies = [
      '',
      'text',
      '{',
      '[]',
      '""',
      'null',
      '{"error":{}}',
      '{"message":null}',
      '<html>',
      '\u0000',
    ];
    const statuses = Array.from({ length: 700 }, (_, status) => status);
    const kinds = statuses.flatMap((status) => bodies.map((body) => verdictOf({ status, body }).kind));
    expect([...new Set(kinds)].sort()).toEqual(['accepted', 'hold', 'refused', 'retry', 'split']);
  });
});

describe('Retry-After', () => {
  it.each([
    ['nothing', undefined, undefined],
    ['seconds', '120', 120_000],
    ['seconds with spaces around', ' 3 ', 3_000],
    ['no seconds', '0', 0],
    ['a date', 'Sun, 22 Nov 2026 08:00:05 GMT', 5_000],
    ['a date that is over', 'Sun, 22 Nov 2026 07:00:00 GMT', 0],
    ['rubbish', 'soon', undefined],
    ['an empty text', '', undefined],
  ])('understands %s', (_, header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected);
  });
});
