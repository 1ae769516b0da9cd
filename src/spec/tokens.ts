/** Where the tokens of a JSON text end: the two steps that every walk over the text shares (RFC 8259). */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** Returns the offset of the quote that closes the string opened at `start`, or -1 when there is none. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escape = end - 1;
    while (text.charCodeAt(escape) === BACKSLASH) escape--;
    if ((end - escape) % 2 === 1) return end;
  }
  return -1;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Returns the offset after the number, or the like of one, that begins at `start`. */
export function endOfNumber(text: string, start: number): number {
  let end = start;
  for (;;) {
    const code = text.charCodeAt(end);
    const partOfNumber = isDigit(code) || code === 0x2b || code === MINUS || code === 0x2e || code === 0x45 || code === 0x65;
    if (!partOfNumber) return end;
    end++;
  }
}
