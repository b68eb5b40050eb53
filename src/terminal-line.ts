const COLOUR = '\u001b\\[[\\d;]*m';
const TOKEN = new RegExp(`${COLOUR}|.`, 'gsu');
const IS_COLOUR = new RegExp(COLOUR);

/** As much of a text as fits, colours aside; what is cut off is marked, since half a number would tell lies. */
export function cut(text: string, columns: number): string {
  let used = 0;
  let kept = '';
  /** What leaves room for the mark behind it. */
  let marked = '';
  for (const token of text.match(TOKEN) ?? []) {
    const isColour = IS_COLOUR.test(token);
    if (!isColour && /\p{Cc}/u.test(token)) continue;
    used += isColour ? 0 : widthOf(token);
    if (used > columns) return columns < 1 ? '' : `${marked}${IS_COLOUR.test(marked) ? RESET : ''}…`;
    kept += token;
    if (used < columns) marked = kept;
  }
  return kept;
}

const RESET = '\u001b[0m';

/** East Asian wide and full-width characters, and pictures; rather too many than too few. */
const WIDE =
  /[\u1100-\u115f\u231a\u231b\u2329\u232a\u23e9-\u23fa\u2600-\u27bf\u2b00-\u2bff\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18fff}\u{1b000}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** The columns that a character takes. */
function widthOf(character: string): number {
  if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
