import { retryAfterMs } from '../retry-after.js';

/** What became of one request: the server's answer, or why there was none. */
export type Answer =
  | {
      readonly status: number;
      readonly body: string;
      /** The header of that name, as it came. */
      readonly retryAfter?: string | undefined;
    }
  | { readonly failure: Error };

/** What an answer means for the lines that were sent. Nothing leaves the buffer without one. */
export type Verdict =
  | { readonly kind: 'accepted' }
  /** The server is away or busy: keep, and try again; with less at a time where the request was cut off. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      readonly afterMs?: number | undefined;
      readonly cutOff?: boolean;
    }
  /** A person has to mend something first: keep, say so, and try again slowly. */
  | { readonly kind: 'hold'; readonly reason: string; readonly mend: string }
  /** Too large for the server: send it in halves. */
  | { readonly kind: 'split'; readonly reason: string }
  /** Some lines will never be taken. `leftOut`: those of a partial write, which took all others already. */
  | { readonly kind: 'refused'; readonly reason: string; readonly leftOut?: LeftOut | undefined };

/** So many lines; which ones, only the server's whole message can tell. */
export interface LeftOut {
  readonly count: number;
  readonly message: string;
}

/** A reason is for people; a message may be as long as the lines that it complains about. */
const REASON_LENGTH = 500;

/** The one place that decides what an answer means (DESIGN 3.4). `now` in ms, for a Retry-After date. */
export function verdictOf(answer: Answer, now = Date.now()): Verdict {
  if ('failure' in answer) return failureVerdict(answer.failure);
  const { status, body } = answer;
  const message = messageIn(body);
  const reason = `${status} ${message}`.trim().slice(0, REASON_LENGTH);
  if ((isAccepted(status) || isRefusal(status) || status === 404) && STRANGER.test(body)) {
    return { kind: 'hold', reason, mend: STRANGE };
  }
  if (isAccepted(status)) return { kind: 'accepted' };
  const mend = MENDING[status];
  if (mend !== undefined) return { kind: 'hold', reason, mend };
  if (status === 413) return { kind: 'split', reason };
  if (isRefusal(status)) return { kind: 'refused', reason, leftOut: leftOutIn(message) };
  if (status === 408 || status === 429 || status >= 500) {
    const afterMs = retryAfterMs(answer.retryAfter, now);
    return { kind: 'retry', reason, afterMs, ...(OUT_OF_TIME.includes(status) && { cutOff: true }) };
  }
  return { kind: 'hold', reason, mend: STRANGE };
}

/**
 * What the answer to a write means: an InfluxDB that took the lines has nothing to add to 200, so who does is some
 * other server that says yes to everything.
 */
export function writeVerdictOf(answer: Answer): Verdict {
  if ('status' in answer && answer.status === 200 && answer.body !== '') {
    return { kind: 'hold', reason: `200 ${messageIn(answer.body)}`.slice(0, REASON_LENGTH), mend: STRANGE };
  }
  return verdictOf(answer);
}

const isAccepted = (status: number) => status >= 200 && status < 300;
const isRefusal = (status: number) => status === 400 || status === 422;

/** The server did not get all of it in time, or a proxy no answer about it. */
const OUT_OF_TIME = [408, 504];

const MENDING: Readonly<Record<number, string>> = {
  401: 'set INFLUX_TOKEN (2.x, 3.x), or INFLUX_USERNAME and INFLUX_PASSWORD (1.x), to what the server accepts',
  403: 'give the token or user the right to write to the bucket or database',
  404: 'create the bucket or database, or name the right one with INFLUX_BUCKET and INFLUX_ORG',
  415: 'add --no-gzip: the server does not read what is compressed',
};

const STRANGE =
  'the server answers what no InfluxDB would; check --host and --port, and whether it wants --tls';

/**
 * A web page, or the complaint of a TLS server about plain HTTP: it is not about the lines, which must be neither
 * forgotten nor rejected for it.
 */
const STRANGER = /^\s*<|^client sent an HTTP request to an HTTPS server/i;

/**
 * The message in an answer's body: `message` in 2.x, `error` in 1.x and 3.x (there with details), the title of a web
 * page, else the text.
 */
function messageIn(body: string): string {
  try {
    const { error, message, data } = JSON.parse(body);
    const detail = data?.error_message === undefined ? '' : `: ${data.error_message}`;
    return `${message ?? error ?? body}${detail}`;
  } catch {
    const title = /^\s*<.*<title[^>]*>\s*([^<]*?)\s*<\/title>/is.exec(body)?.[1];
    return title === undefined ? body.trim() : `a web page, ${JSON.stringify(title)}`;
  }
}

/** 1.x and 2.x say `partial write: <reason> dropped=<n>` where the rest of the lines is stored. */
function leftOutIn(message: string): LeftOut | undefined {
  const match = /partial write.* dropped=(\d+)/s.exec(message);
  return match ? { count: Number(match[1]), message } : undefined;
}

const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOTFOUND: 'the host name is not known (ENOTFOUND)',
  EAI_AGAIN: 'the host name cannot be looked up now (EAI_AGAIN)',
  ECONNRESET: 'the connection was cut (ECONNRESET)',
  EPIPE: 'the connection was cut (EPIPE)',
  EHOSTUNREACH: 'no way to that host (EHOSTUNREACH)',
};

/**
 * Who does not prove to be the server that was named gets nothing, and has to be mended by a person. The codes are
 * those of Node.js and OpenSSL: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
const UNPROVEN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
    ].map((code) => [code, 'name the file of the certificates that vouch for the server with --ca']),
  ),
  CERT_HAS_EXPIRED: "renew the server's certificate, or set the clock of this machine right",
  CERT_NOT_YET_VALID: "set the clock of this machine right, or renew the server's certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "give --host a name that stands in the server's certificate",
  ...Object.fromEntries(
    ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'].map((code) => [
      code,
      'find out whether the server speaks TLS on that port: check --port, or leave --tls out',
    ]),
  ),
};

function failureVerdict(failure: Error): Verdict {
  const { code = '' } = failure as NodeJS.ErrnoException;
  const mend = UNPROVEN[code];
  if (mend === undefined) {
    const cutOff = isTimeout(failure) || CUT_OFF.includes(code);
    return { kind: 'retry', reason: failureReason(failure), ...(cutOff && { cutOff }) };
  }
  const reason = `no connection that could be trusted: ${failure.message} (${code})`;
  return { kind: 'hold', reason: reason.slice(0, REASON_LENGTH), mend };
}

/** A time limit that is too short for so much, or a server that hangs up on who sends too much. */
const CUT_OFF = ['ECONNRESET', 'EPIPE'];

function isTimeout({ name }: Error): boolean {
  return name === 'TimeoutError';
}

function failureReason(failure: Error): string {
  const { code } = failure as NodeJS.ErrnoException;
  if (isTimeout(failure)) return 'no answer in time';
  return FAILURES[code ?? ''] ?? (failure.message || code || failure.name);
}
