// The limit: all that Node needs to split what comes through the pipe into lines, and to make line protocol of them by
// putting strings together. Nothing is checked, stored or sent.
let lines = 0;
let bytes = 0;
let rest = '';

process.stdin.setEncoding('latin1');
for await (const chunk of process.stdin) {
  const split = (rest + chunk).split('\n');
  rest = split.pop();
  let time = 1e9 + lines;
  let text = '';
  for (const line of split) {
    const first = line.indexOf(' ');
    const second = line.indexOf(' ', first + 1);
    text += `sensor,env=dev,sensor=demo,defect=false cpu_load=${line.slice(0, first)},random_value=${line.slice(first + 1, second)}i,counter=${line.slice(second + 1)}i 180000000${time++}\n`;
  }
  lines += split.length;
  bytes += Buffer.from(text, 'latin1').length;
}
process.stdout.write(JSON.stringify({ lines, bytes }));
