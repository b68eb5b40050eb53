import { failureText } from '../fetch-answer.js';
import { retryAfterMs } from '../retry-after.js';

/** What became of one message. A reason is as it came: it may be long, and repeat a secret. */
export type Verdict =
  | { readonly kind: 'sent'; readonly note?: string | undefined }
  /** The receiver is away or busy: try again. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number | undefined }
  /** The receiver will not have it: a person has to mend something. */
  | { readonly kind: 'refused'; readonly reason: string; readonly mend: string };

/** What came back from an HTTP server, or why nothing did. */
export type HttpAnswer =
  | { readonly status: number; readonly body: string; readonly retryAfter: string | null }
  | { readonly failure: unknown };

/** The one place that decides what an HTTP answer means. `mend`: what a person is to look at where it is no. */
export function httpVerdict(answer: HttpAnswer, mend: string, now: number): Verdict {
  if ('failure' in answer) return { kind: 'retry', reason: failureText(answer.failure) };
  const { status, body, retryAfter } = answer;
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const reason = `${status} ${body}`;
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'retry', reason, afterMs: retryAfterMs(retryAfter ?? undefined, now) };
  }
  return { kind: 'refused', reason, mend };
}

/** What nodemailer throws. */
interface SmtpFailure {
  readonly code?: string | undefined;
  readonly permanent?: boolean | undefined;
}

/**
 * What can be mended by a person only, besides a refusal by the server. Not TLS: a handshake may be cut, and a
 * certificate renewed.
 */
const FINAL_SMTP_CODES = ['EAUTH', 'ENOAUTH', 'EENVELOPE', 'ECONFIG'];

/** The one place that decides what SMTP's answer means. */
export function smtpVerdict(failure: unknown, mend: string): Verdict {
  const { code = '', permanent } = failure as SmtpFailure;
  const reason = failureText(failure);
  const isFinal = permanent ?? FINAL_SMTP_CODES.includes(code);
  return isFinal ? { kind: 'refused', reason, mend } : { kind: 'retry', reason };
}
