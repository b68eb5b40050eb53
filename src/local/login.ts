/** The login: a form that asks for the page's token. It needs no script. */
import type { IncomingMessage } from 'node:http';
import { readBody } from './body.js';
import { type Gate, tooManyAttempts } from './gate.js';
import { type Reply, redirect } from './replies.js';
import type { Route } from './routes.js';

const MOST_BYTES = 4_096;

export function loginRoutes(gate: Gate): Route[] {
  const { sessions } = gate;
  if (sessions === undefined) return [];
  const style: Reply = { status: 200, type: 'text/css; charset=utf-8', body: Buffer.from(STYLE) };
  return [
    { method: 'GET', path: '/login', access: 'login', answer: ({ url = '' }) => form(200, nextOf(url)) },
    { method: 'POST', path: '/login', access: 'login', answer: (request) => logIn(gate, request) },
    {
      method: 'POST',
      path: '/logout',
      access: 'login',
      answer: (request) => {
        const cookie = sessions.end(request);
        return redirect('/login', cookie === undefined ? {} : { 'Set-Cookie': cookie });
      },
    },
    { method: 'GET', path: '/login.css', access: 'open', answer: () => style },
  ];
}

async function logIn(gate: Gate, request: IncomingMessage): Promise<Reply> {
  const fields = new URLSearchParams(
    await readBody(request, 'application/x-www-form-urlencoded', MOST_BYTES),
  );
  const next = ownPath(fields.get('next'));
  const verdict = gate.pageTokenVerdict(request, (fields.get('token') ?? '').trim());
  if (verdict === 'right') return redirect(next, { 'Set-Cookie': gate.sessions?.begin(request) ?? '' });
  if (typeof verdict !== 'object') return form(401, next, 'That is not the token.');
  const { headers } = tooManyAttempts(verdict.waitSeconds);
  return { ...form(429, next, 'Too many wrong tokens: wait a minute.'), headers };
}

function nextOf(url: string): string {
  return ownPath(new URLSearchParams(url.split('?').slice(1).join('?')).get('next'));
}

/** A path of this page, whatever somebody has put into a link. */
function ownPath(text: string | null): string {
  const base = 'http://page.invalid';
  if (text === null || !URL.canParse(text, base)) return '/';
  const url = new URL(text, base);
  return url.origin === base && url.pathname === '/' ? `/${url.search}` : '/';
}

function form(status: number, next: string, complaint = ''): Reply {
  const problem = complaint === '' ? '' : `<p role="alert">${complaint}</p>`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Visualizer: log in</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1>Visualizer</h1>
<form method="post" action="/login">
<label for="token">Token of this page (PAGE_TOKEN)</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input name="next" type="hidden" value="${escaped(next)}">
${problem}
<button>Log in</button>
</form>
<p><a href="${escaped(next)}">Logged in already? To the page</a></p>
</main>
</body>
</html>
`;
  return { status, type: 'text/html; charset=utf-8', body: Buffer.from(html) };
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 1rem; }
main { max-width: 22rem; margin: 10vh auto; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { margin: .5rem 0; padding: .5rem; }
`;
