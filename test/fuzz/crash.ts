/** Recognises, in what a command says, the words of a program that went wrong. */

/** What no program says on purpose. */
const CRASH = /internal error|^ +at .*[:(]\d|\b(?:TypeError|RangeError|ReferenceError|SyntaxError)\b|is not a function|\[object Object\]|\bundefined\b|\bNaN\b|Segmentation|Sanitizer|Bun v\d|panicked|assertion/gim;

/** Where `said` has such words, with what stands around them; an error may repeat words of the case's own documents. */
export function crashIn(said: string, documents: readonly string[]): string | undefined {
  for (const { 0: words, index } of said.matchAll(CRASH)) {
    if (!documents.some((document) => document.includes(words))) return said.slice(Math.max(0, index - 300), index + 1000);
  }
  return undefined;
}
