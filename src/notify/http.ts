import { beginningOf } from '../fetch-answer.js';
import type { Secrets } from './secrets.js';
import { withTimeLimit } from './time-limit.js';
import { type HttpAnswer, httpVerdict, type Verdict } from './verdict.js';

export interface Request {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: unknown;
  /** What a person is to look at where it is refused. */
  readonly mend: string;
}

export type Post = (request: Request, signal: AbortSignal) => Promise<Verdict>;

/** One POST a call, ended by the time limit or the signal; it never rejects. */
export function poster(secrets: Secrets, timeoutMs: number): Post {
  return async (request, signal) => {
    const answer = await withTimeLimit(timeoutMs, signal, (limited) => send(request, secrets, limited)).catch(
      (failure: unknown): HttpAnswer => ({ failure }),
    );
    return httpVerdict(answer, request.mend, Date.now());
  };
}

async function send(
  { url, headers, body }: Request,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const target = withoutUser(url, secrets);
  const type = { 'content-type': 'application/json', 'user-agent': 'visualizer' };
  const response = await fetch(target.url, {
    method: 'POST',
    headers: { ...type, ...target.authorization, ...headers },
    body: JSON.stringify(body),
    // A redirected POST becomes a GET without a body, and would take the secret elsewhere.
    redirect: 'manual',
    signal,
  });
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, body: await beginningOf(response), retryAfter };
}

/** `fetch` refuses a URL with a user and password, which it is to send in a header. */
function withoutUser(text: string, secrets: Secrets): { url: URL; authorization?: Record<string, string> } {
  const url = new URL(text);
  if (url.username === '' && url.password === '') return { url };
  const [user, password] = [decoded(url.username), decoded(url.password)];
  secrets.remember(password);
  secrets.remember(`${user}:${password}`);
  url.username = '';
  url.password = '';
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  return { url, authorization: { authorization: `Basic ${basic}` } };
}

/** A password may hold a % that begins no escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
