import { hostname } from 'node:os';
import type { Email, ReceiverBase } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import { groupId, type Message, paragraphsOf, plainText, statusOf, titleOf } from '../message.js';
import { missingText, NotSetUp } from '../secrets.js';
import { withTimeLimit } from '../time-limit.js';
import { smtpVerdict, type Verdict } from '../verdict.js';

const TLS_MODES = ['starttls', 'tls', 'none'] as const;
const PORTS = { starttls: 587, tls: 465, none: 25 } as const;
const MEND =
  "check SMTP_HOST, SMTP_PORT, SMTP_TLS, SMTP_USERNAME, SMTP_PASSWORD, SMTP_FROM and the receiver's `to`";

/** The time limit is for each answer of the server; for all of them together it is so much longer. */
const ANSWERS_AWAITED = 6;

/** E-mail by SMTP. A password is never sent in the clear unless SMTP_TLS=none asks for it. */
export function email(receiver: ReceiverBase & Email, means: Means): Channel {
  const { secrets, timeoutMs } = means;
  const [host, from] = [secrets.plain('SMTP_HOST'), secrets.plain('SMTP_FROM')];
  const missing = [...(host ? [] : ['SMTP_HOST']), ...(from ? [] : ['SMTP_FROM'])];
  const [user, pass] = [secrets.plain('SMTP_USERNAME'), secrets.find('SMTP_PASSWORD')];
  if (user !== undefined && pass === undefined) missing.push('SMTP_PASSWORD');
  if (user === undefined && pass !== undefined) missing.push('SMTP_USERNAME');
  // As AUTH PLAIN sends them.
  if (pass !== undefined) secrets.remember(`\0${user}\0${pass}`);
  if (missing.length > 0) throw new NotSetUp(missingText(missing));
  const { mode, port } = connectionOf(secrets.plain('SMTP_TLS'), secrets.plain('SMTP_PORT'));
  const options = {
    host,
    port,
    secure: mode === 'tls',
    requireTLS: mode === 'starttls',
    ignoreTLS: mode === 'none',
    ...(user === undefined ? {} : { auth: { user, pass } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // What is in a message is text, and never a file to be read.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return {
    async send(message, signal): Promise<Verdict> {
      try {
        const { createTransport } = await import('nodemailer');
        const mail = { ...mailOf(message), from, to: [...receiver.to] };
        const { rejected } = await withTimeLimit(ANSWERS_AWAITED * timeoutMs, signal, (limited) =>
          createTransport(options).sendMail({ ...mail, signal: limited }),
        );
        // Tried again, it would come twice to all the others.
        const note = rejected.length === 0 ? undefined : `the server does not take ${rejected.join(', ')}`;
        return { kind: 'sent', note };
      } catch (error) {
        return smtpVerdict(error, MEND);
      }
    },
  };
}

function connectionOf(tls: string | undefined, port: string | undefined) {
  const mode =
    tls === undefined ? (port === '465' ? 'tls' : 'starttls') : TLS_MODES.find((name) => name === tls);
  if (mode === undefined) throw new NotSetUp(`SMTP_TLS must be one of ${TLS_MODES.join(', ')}`);
  if (port === undefined) return { mode, port: PORTS[mode] };
  const number = /^\d+$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) throw new NotSetUp('SMTP_PORT must be a port, 1 to 65535');
  return { mode, port: number };
}

/** All about one group are one conversation in the mailbox. */
function mailOf(message: Message) {
  const thread = `<${groupId(message)}@${hostname()}>`;
  return {
    subject: titleOf(message),
    text: `${plainText(message)}\n`,
    html: htmlOf(message),
    references: thread,
    inReplyTo: thread,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Priority': statusOf(message) === 'firing' ? '1' : '3' },
  };
}

function htmlOf(message: Message): string {
  const paragraphs = paragraphsOf(message).map(({ firing, heading, lines }) => {
    const colour = firing ? '#b3261e' : '#1b6e3c';
    const rest = lines.map((line) => `<br>${escaped(line)}`).join('');
    return `<p style="border-left:4px solid ${colour};padding-left:8px"><b>${escaped(heading)}</b>${rest}</p>`;
  });
  const url = escaped(message.externalUrl);
  const link = url === '' ? '' : `<p><a href="${url}">${url}</a></p>`;
  return `<html><body style="font-family:sans-serif">${paragraphs.join('')}${link}</body></html>\n`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character] as string);
}
