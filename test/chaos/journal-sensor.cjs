#!/usr/bin/env node
// A sensor that writes down what it has printed: `<ms since the epoch> <counter>` a line, in the file $JOURNAL.
// The counter goes on from the last line of the journal, so that every line ever printed has a number of its own.
const { appendFileSync, readFileSync, writeSync } = require('node:fs');

const journal = process.env.JOURNAL;
let counter = readFileSync(journal, 'utf8').split('\n').length - 1;

setInterval(() => {
  for (let line = 0; line < 20; line += 1) {
    counter += 1;
    writeSync(1, `7.5 ${4_000_000 + (counter % 4_000_000)} ${counter}\n`);
    appendFileSync(journal, `${Date.now()} ${counter}\n`);
  }
}, 10);
