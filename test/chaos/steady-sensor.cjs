#!/usr/bin/env node
// Prints LINES_A_SECOND lines a second of what the bundled sensor prints, in twenty portions; late ones are made up for.
const rate = Number(process.env.LINES_A_SECOND);
const startedAt = performance.now();
let counter = 0;

setInterval(() => {
  const due = Math.floor(((performance.now() - startedAt) / 1000) * rate);
  let text = '';
  for (; counter < due; counter += 1) {
    const load = (6 + 3 * Math.sin(counter / 300)).toFixed(4);
    text += `${load} ${4_000_000 + ((counter * 7919) % 4_000_000)} ${counter}\n`;
  }
  process.stdout.write(text);
}, 50);
