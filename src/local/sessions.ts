import { createHmac, randomBytes, scrypt } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { isSame } from './tokens.js';

/** A week: a wall screen should not ask every morning. */
const LIFE_MS = 7 * 86_400_000;
const MOST_ENDED = 10_000;

/**
 * Logins, as cookies that nobody else can make: `<expiry>.<random>.<HMAC>`. The key is derived from the page's token,
 * slowly, so that a cookie helps little to guess it; so a login outlives a restart, and ends when the token changes.
 * Cookies know no port: the name is derived as well, so that several pages of a machine have cookies of their own.
 */
export class Sessions {
  readonly #key: Buffer;
  readonly #name: string;
  /** Logins that were ended before their time, until this process ends. */
  readonly #ended = new Set<string>();

  private constructor(key: Buffer) {
    this.#key = key;
    this.#name = `visualizer_${this.#sign('name').slice(0, 8)}`;
  }

  static async open(token: string): Promise<Sessions> {
    const key = await promisify<string, string, number, Buffer>(scrypt)(token, 'visualizer page session', 32);
    return new Sessions(key);
  }

  /** The header that begins a login. */
  begin(request: IncomingMessage, now = Date.now()): string {
    const content = `${now + LIFE_MS}.${randomBytes(16).toString('hex')}`;
    return this.#cookie(request, `${content}.${this.#sign(content)}`, LIFE_MS / 1_000);
  }

  /**
   * The header that ends the login of a request; none where it has none, as when another site sent it, or that site
   * could log somebody out.
   */
  end(request: IncomingMessage): string | undefined {
    const open = this.#openOnes(request, Date.now());
    if (open.length === 0) return undefined;
    for (const value of open) this.#ended.add(value);
    while (this.#ended.size > MOST_ENDED) this.#ended.delete(this.#ended.keys().next().value as string);
    return this.#cookie(request, '', 0);
  }

  isOpen(request: IncomingMessage, now = Date.now()): boolean {
    return this.#openOnes(request, now).length > 0;
  }

  /** Never sent without encryption where a proxy says that it ends it. */
  #cookie({ headers }: IncomingMessage, value: string, seconds: number): string {
    const secure = headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
    return `${this.#name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
  }

  /** Another server of this machine may have set a cookie of the same name, which may come first. */
  #openOnes({ headers }: IncomingMessage, now: number): string[] {
    const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
    const prefix = `${this.#name}=`;
    const values = pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
    return values.filter((value) => this.#isOpen(value, now));
  }

  #isOpen(value: string, now: number): boolean {
    const [, content, expiry, signature] = /^((\d{1,15})\.[0-9a-f]{32})\.([0-9a-f]{64})$/.exec(value) ?? [];
    if (content === undefined || signature === undefined) return false;
    return isSame(signature, this.#sign(content)) && Number(expiry) > now && !this.#ended.has(value);
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('hex');
  }
}
