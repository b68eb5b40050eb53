import type { IncomingMessage } from 'node:http';
import { failure, type Reply } from './replies.js';

/** A request that is refused, and how. */
export class Refused extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

/** The whole of a body of this type; what is longer, or of another type, is not read. */
export async function readBody(request: IncomingMessage, type: string, mostBytes: number): Promise<string> {
  const given = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (given !== type) throw new Refused(failure(415, `the body must be ${type}`));
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new Refused(failure(415, 'the body must not be compressed'));
  const tooLong = new Refused(failure(413, `the body must not be longer than ${mostBytes} bytes`));
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLong;
  const chunks: Buffer[] = [];
  let length = 0;
  // Not for await: to leave that early would destroy the connection before the refusal is sent.
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= mostBytes) {
        chunks.push(chunk);
      } else {
        request.pause();
        reject(tooLong);
      }
    });
    request.on('end', resolve);
    request.on('close', () => reject(new Error('the client went away')));
    request.on('error', reject);
  });
  return Buffer.concat(chunks).toString('utf8');
}
