import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, without dot-stuffing. */
  readonly text: string;
  /** `user:password` of AUTH PLAIN; undefined without. */
  readonly auth: string | undefined;
  readonly encrypted: boolean;
}

/** What the server answers to a command instead of what it would, by the command's first word. */
export type Answers = Record<string, string | ((line: string) => string | undefined)>;

export interface SmtpServer {
  readonly port: number;
  readonly mails: Mail[];
  /** All that clients said in the clear. */
  clear: string;
  answers: Answers;
  close(): Promise<void>;
}

/** The SMTP of RFC 5321 as far as a client asks for it, with AUTH PLAIN, and STARTTLS where there is a key. */
export async function startSmtp(tls?: { key: string; cert: string }): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write('220 test ESMTP\r\n');
    converse(socket, false);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const smtp: SmtpServer = {
    port: (server.address() as AddressInfo).port,
    mails: [],
    clear: '',
    answers: {},
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return smtp;

  function converse(socket: Socket, encrypted: boolean): void {
    let pending = '';
    let letter: { from: string; to: string[]; auth: string | undefined } = {
      from: '',
      to: [],
      auth: undefined,
    };
    let data: string[] | undefined;
    const say = (text: string) => socket.write(`${text}\r\n`);
    const listen = (chunk: Buffer) => {
      pending += chunk.toString('utf8');
      if (!encrypted) smtp.clear += chunk.toString('utf8');
      const lines = pending.split('\r\n');
      pending = lines.pop() as string;
      for (const line of lines)
        if (data === undefined) command(line);
        else content(line);
    };
    socket.on('data', listen);

    function content(line: string): void {
      if (line !== '.') {
        data?.push(line.replace(/^\./, ''));
        return;
      }
      const text = (data ?? []).join('\r\n');
      data = undefined;
      const instead = scripted('.', line);
      if (instead === undefined) smtp.mails.push({ ...letter, text, encrypted });
      say(instead ?? '250 taken');
    }

    function scripted(word: string, line: string): string | undefined {
      const found = smtp.answers[word];
      return typeof found === 'function' ? found(line) : found;
    }

    function command(line: string): void {
      const word = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
      const instead = scripted(word, line);
      if (instead !== undefined) return void say(instead);
      if (word === 'EHLO') {
        const starttls = tls !== undefined && !encrypted ? '250-STARTTLS\r\n' : '';
        return void say(`250-test\r\n${starttls}250 AUTH PLAIN`);
      }
      if (word === 'STARTTLS' && tls === undefined) return void say('502 5.5.1 unknown');
      if (word === 'STARTTLS') {
        say('220 go on');
        socket.off('data', listen);
        const secure = new TLSSocket(socket, { isServer: true, ...tls });
        secure.on('error', () => {});
        converse(secure, true);
        return;
      }
      if (word === 'AUTH') {
        const [, user, password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
          .toString('utf8')
          .split('\0');
        letter = { ...letter, auth: `${user}:${password}` };
        return void say('235 welcome');
      }
      if (word === 'MAIL') letter = { ...letter, from: addressIn(line), to: [] };
      if (word === 'RCPT') letter.to.push(addressIn(line));
      if (word === 'DATA') {
        data = [];
        return void say('354 go on');
      }
      if (word === 'QUIT') return void socket.end('221 bye\r\n');
      say('250 ok');
    }
  }
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}
