// The limit: all that Node needs to split what comes through the pipe into lines, and to make line protocol of them by
// putting strings together. Nothing is checked, counted exactly, stored or sent.
let lines = 0;
let bytes = 0;
let rest = '';
let time = 1_800_000_000_000_000_000n;

process.stdin.setEncoding('latin1');
for await (const chunk of process.stdin) {
  const split = (rest + chunk).split('\n');
  rest = split.pop();
  let text = '';
  for (const line of split) {
    const [load, value, counter] = line.split(' ');
    text += `sensor,env=dev,sensor=demo,defect=false cpu_load=${load},random_value=${value}i,counter=${counter}i ${time++}\n`;
  }
  lines += split.length;
  bytes += Buffer.from(text, 'latin1').length;
}
process.stdout.write(JSON.stringify({ lines, bytes }));
