/** Reads a JSON document from a caller that may be hostile: bytes or text in, a tree with what JSON.parse lost out. */

import { ConfigError, type Problem } from "../errors.ts";
import { pointerOf } from "./pointer.ts";
import { placeAt, placesAt } from "./positions.ts";
import { type Finding, MAX_DEPTH, type Scan, scan } from "./scan.ts";
import { syntaxProblem } from "./syntax.ts";

/** The largest config.json that is read: real ones have some 10 KB. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

export interface Document {
  readonly file: string;
  readonly text: string;
  readonly tree: unknown;
  /** The text says nothing beyond the tree, save that integers above 2^53 may have lost digits. */
  readonly isPlain: boolean;
  /** Walks the text for what the tree does not tell. */
  scan(): Scan;
}

/** Decodes UTF-8 strictly (RFC 8259, section 8.1); throws ConfigError. */
export function decodeDocument(bytes: Uint8Array, file: string): string {
  if (bytes.length > MAX_DOCUMENT_BYTES) throw tooLarge(file, bytes.length);
  try {
    return decoder().decode(bytes);
  } catch (error) {
    const before = validPrefix(bytes);
    throw problem(file, placeAt(before, "", before.length), "is not valid UTF-8", error);
  }
}

/** Parses a text that is within the limits of size and depth; throws ConfigError. */
export function readDocument(text: string, file: string, wellFormed: boolean): Document {
  if (text.length > MAX_DOCUMENT_BYTES) throw tooLarge(file, text.length);
  let scanned: Scan | undefined;
  const scanOnce = (): Scan => (scanned ??= scan(text, wellFormed));
  if (openings(text) > MAX_DEPTH) refuseDeep(file, text, scanOnce().tooDeep);
  const tree = parse(text, file);
  return { file, text, tree, isPlain: isPlain(text, tree), scan: scanOnce };
}

function decoder(): InstanceType<typeof TextDecoder> {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

/** The longest part that can be decoded, found by halving: the decoder does not tell where it stopped. */
function validPrefix(bytes: Uint8Array): string {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isValidSoFar(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  return decoder().decode(bytes.subarray(0, low), { stream: true });
}

function isValidSoFar(bytes: Uint8Array): boolean {
  try {
    decoder().decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** At least the number of levels: counting two characters is far cheaper than a walk, and nearly always enough. */
function openings(text: string): number {
  return text.split("{").length + text.split("[").length - 2;
}

function refuseDeep(file: string, text: string, finding: Finding | undefined): void {
  if (finding === undefined) return;
  throw problem(file, placeAt(text, "", finding.offset), `is more than ${MAX_DEPTH} levels deep`);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (text.startsWith("\uFEFF")) throw problem(file, placeAt(text, "", 0), "begins with a byte order mark", error);
    const found = syntaxProblem(text) ?? { offset: 0, message: "is not valid JSON" };
    throw problem(file, placeAt(text, "", found.offset), found.message, error);
  }
}

/**
 * A text that JSON.stringify gives back as it was has no key twice and no escapes that need a look. Engines write such
 * text, compact or indented, and this comparison costs a tenth of a walk where there is no JIT.
 */
function isPlain(text: string, tree: unknown): boolean {
  if (text.includes("\\u")) return false;
  const written = JSON.stringify(tree, null, indentOf(text));
  return text === written || text === `${written}\n`;
}

/** The white space before the first key of a text that is indented. */
function indentOf(text: string): string {
  if (text[1] !== "\n") return "";
  let end = 2;
  while (text[end] === " " || text[end] === "\t") end++;
  return text.slice(2, end);
}

/** The problems that a walk over the text finds, with their places. */
export function scanProblems(document: Document): Problem[] {
  const { duplicates, strings } = document.scan();
  const found = [
    ...duplicates.map((finding) => ({ ...finding, reason: `the key ${JSON.stringify(finding.path.at(-1))} is given twice` })),
    ...strings,
  ].map(({ path, offset, reason }) => ({ pointer: pointerOf(path), offset, reason }));
  return placesAt(document.text, found).map((place, index) => ({ ...place, message: found[index]?.reason ?? "" }));
}

function problem(file: string, place: Omit<Problem, "message">, message: string, cause?: unknown): ConfigError {
  return new ConfigError(file, [{ ...place, message }], { cause });
}

function tooLarge(file: string, length: number): ConfigError {
  return problem(file, { pointer: "" }, `is larger than ${MAX_DOCUMENT_BYTES} bytes: ${length}`);
}
