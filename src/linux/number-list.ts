/** Lists of numbers and ranges such as `0-3,7` as the masks that system calls take (cpuset(7), "Formats"). */

const WORD_BITS = 32;
/** The kernel's masks are made of unsigned longs: of two words each. */
const WORDS_PER_LONG = 2;

/** The mask of a list that was checked, as 32-bit words, the lowest first; empty for the empty list. */
export function numberListMask(text: string): number[] {
  const words: number[] = [];
  if (text.trim() === "") return words;
  for (const part of text.split(",")) {
    const [first = "", last = first] = part.split("-");
    for (let number = Number(first); number <= Number(last); number++) {
      const word = Math.floor(number / WORD_BITS);
      while (words.length <= word || words.length % WORDS_PER_LONG !== 0) words.push(0);
      words[word] = ((words[word] ?? 0) | (1 << number % WORD_BITS)) >>> 0;
    }
  }
  return words;
}

/** The numbers of a list, as the kernel writes it. */
export function numbersOfList(text: string): number[] {
  const numbers: number[] = [];
  if (text.trim() === "") return numbers;
  for (const part of text.trim().split(",")) {
    const [first = "", last = first] = part.split("-");
    for (let number = Number(first); number <= Number(last); number++) numbers.push(number);
  }
  return numbers;
}
