// The limit of an InfluxDB: posts ready-made line protocol to it, in bodies of up to a mebibyte, one after the other:
//     node post-bodies.mjs <file> <port> <database>
import { openSync, readSync } from 'node:fs';
import { Agent, request } from 'node:http';

const BODY_BYTES = 1024 * 1024;
const [file, port, database] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });

await post(`/query?q=${encodeURIComponent(`CREATE DATABASE "${database}"`)}`);
const source = openSync(file, 'r');
const block = Buffer.alloc(BODY_BYTES);
for (let start = 0; ; ) {
  const body = block.subarray(0, readSync(source, block, 0, BODY_BYTES, start));
  const whole = body.subarray(0, body.lastIndexOf('\n') + 1);
  if (whole.length === 0) break;
  await post(`/write?db=${database}&precision=ns`, whole);
  start += whole.length;
}
agent.destroy();

function post(path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', agent }, (answer) => {
      if (answer.statusCode >= 300) reject(new Error(`${path} was answered by ${answer.statusCode}`));
      answer.resume().on('end', resolve);
    });
    sent.on('error', reject).end(body);
  });
}
