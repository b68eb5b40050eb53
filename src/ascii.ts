/** The bytes that lines and numbers are told by: ASCII, and so the same in UTF-8. */
export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const CARRIAGE_RETURN = 0x0d;
export const BLANK = 0x20;
export const MINUS = 0x2d;
export const POINT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;
export const LETTER_I = 0x69;
