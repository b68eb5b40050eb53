import type { IncomingMessage, ServerResponse } from 'node:http';

/** What is said at once. The event stream is the one answer that goes on. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** No inline script or style, nothing from elsewhere, and in no frame. */
export const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

export function json(status: number, value: unknown, headers?: Reply['headers']): Reply {
  const body = Buffer.from(JSON.stringify(value));
  return { status, type: 'application/json; charset=utf-8', body, headers };
}

export function failure(status: number, message: string, headers?: Reply['headers']): Reply {
  return json(status, { error: message }, headers);
}

export function redirect(location: string, headers?: Reply['headers']): Reply {
  const body = Buffer.from('');
  return { status: 303, type: 'text/plain', body, headers: { Location: location, ...headers } };
}

/** After a refusal the connection ends: what else the client had to say is not read. */
export function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const content = { 'Content-Type': reply.type, 'Content-Length': reply.body.length };
  const end = reply.status >= 400 ? { Connection: 'close' } : {};
  response.writeHead(reply.status, { ...HEADERS, ...content, ...end, ...reply.headers });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}
