/**
 * Who may ask what. `open`: whoever asks; `login`: whoever asks by a name of ours; `page`: with the page's token, as
 * a bearer token or by a login, where there is one; `hook`: with the hook's token, or on a machine that lets nobody
 * else in. Tokens are compared in constant time, and only so many wrong ones a minute.
 */
import type { IncomingMessage } from 'node:http';
import type { EventLog } from './events.js';
import { isLoopback, isOwnHost } from './host-names.js';
import { failure, type Reply, redirect } from './replies.js';
import { Sessions } from './sessions.js';
import { Attempts, bearerOf, isSame } from './tokens.js';

export type Access = 'open' | 'login' | 'page' | 'hook';

export interface GateOptions {
  /** The address that is listened on. */
  readonly host: string;
  /** Further names by which the page is reached, such as that of a proxy. */
  readonly names: readonly string[];
  readonly pageToken: string | undefined;
  readonly hookToken: string | undefined;
  readonly log: Pick<EventLog, 'warn'>;
}

type Verdict = 'right' | 'wrong' | 'none' | { readonly waitSeconds: number };

export class Gate {
  readonly #options: GateOptions;
  readonly #attempts: Attempts;
  readonly sessions: Sessions | undefined;

  private constructor(options: GateOptions, sessions: Sessions | undefined) {
    this.#options = options;
    this.#attempts = new Attempts((address) => options.log.warn({ address }, SHUT_OUT));
    this.sessions = sessions;
  }

  static async open(options: GateOptions): Promise<Gate> {
    const { pageToken } = options;
    return new Gate(options, pageToken === undefined ? undefined : await Sessions.open(pageToken));
  }

  /** Why a request is not answered; undefined where it is. */
  refusal(request: IncomingMessage, access: Access): Reply | undefined {
    if (access === 'open') return undefined;
    const { host, names, pageToken, hookToken } = this.#options;
    const token = access === 'hook' ? hookToken : pageToken;
    if (access !== 'login') {
      const verdict = this.#verdict(request, bearerOf(request), token);
      // Who knows the token is no foreign page that was let in by a trick.
      if (verdict === 'right') return undefined;
      if (typeof verdict === 'object') return tooManyAttempts(verdict.waitSeconds);
      if (verdict === 'wrong' || (access === 'hook' && token !== undefined)) return UNAUTHORIZED;
    }
    if (!isOwnHost(request.headers.host, host, names)) {
      return failure(421, 'this page is not served by that name');
    }
    if (isCrossSite(request)) return failure(403, 'another site may not ask this');
    if (access === 'hook') return this.#isAlone ? undefined : HOOK_IS_OFF;
    if (access === 'login' || token === undefined || this.sessions?.isOpen(request)) return undefined;
    return isVisit(request) ? toLogin(request) : UNAUTHORIZED;
  }

  /** How a token that a form gave compares to the page's. */
  pageTokenVerdict(request: IncomingMessage, given: string): Verdict {
    return this.#verdict(request, given, this.#options.pageToken);
  }

  /** A page's token, or a name, on loopback says that a proxy lets others in. */
  get #isAlone(): boolean {
    const { host, names, pageToken } = this.#options;
    return isLoopback(host) && names.length === 0 && pageToken === undefined;
  }

  #verdict(request: IncomingMessage, given: string | undefined, wanted: string | undefined): Verdict {
    if (given === undefined || wanted === undefined) return 'none';
    const waitSeconds = this.#attempts.wait(request);
    if (waitSeconds > 0) return { waitSeconds };
    if (isSame(given, wanted)) return 'right';
    this.#attempts.failed(request);
    return 'wrong';
  }
}

const SHUT_OUT =
  'Too many wrong tokens were sent to the page; those from there are not looked at for a minute';
const UNAUTHORIZED = failure(401, 'a token is needed', { 'WWW-Authenticate': 'Bearer' });
const HOOK_IS_OFF = failure(403, 'the hook is off: set HOOK_TOKEN');

export function tooManyAttempts(waitSeconds: number): Reply {
  return failure(429, 'too many wrong tokens; wait a minute', { 'Retry-After': String(waitSeconds) });
}

/** As browsers say; to follow a link from elsewhere is no harm. */
function isCrossSite({ method, headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return !(headers['sec-fetch-mode'] === 'navigate' && (method === 'GET' || method === 'HEAD'));
}

/** A person who opens the page. */
function isVisit({ url = '', headers }: IncomingMessage): boolean {
  return url.split('?', 1)[0] === '/' && headers.authorization === undefined;
}

function toLogin({ url = '/' }: IncomingMessage): Reply {
  return redirect(url === '/' ? '/login' : `/login?next=${encodeURIComponent(url)}`);
}
