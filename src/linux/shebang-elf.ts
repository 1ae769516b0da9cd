/** Tells from the first bytes of a file why the kernel would not execute it (execve(2), elf(5)). */

import { type Architecture, ARCHITECTURES, findArchitecture } from "./architectures.ts";

/** What a file is to execve(2). Paths and words in it come from the file: they are untrusted. */
export type Program =
  | {
      readonly kind: "script";
      /** The program of the first line. */
      readonly interpreter: string;
      readonly argument?: string;
    }
  | {
      readonly kind: "elf";
      readonly architecture: string;
      /** The dynamic loader (PT_INTERP), if it wants one and the bytes reach that far. */
      readonly interpreter?: string;
    }
  | {
      /** An ELF file that this machine cannot execute: `architecture` is its name, or the number of its machine. */
      readonly kind: "foreign";
      readonly architecture: string;
      readonly native: string;
    }
  | {
      readonly kind: "broken";
      /** `an ELF file that is cut short`. */
      readonly what: string;
    };

/** How much of a file to read: the headers and the loader's name lie at the beginning of all usual programs. */
export const PROGRAM_HEAD_BYTES = 4096;

/** The kernel looks no further for the end of a first line (BINPRM_BUF_SIZE). */
const SCRIPT_HEAD_BYTES = 256;

/** Files that people take for programs of Linux. */
const OTHERS: readonly (readonly [magic: readonly number[], what: string])[] = [
  [[0x4d, 0x5a], "a program for Windows"],
  [[0xcf, 0xfa, 0xed, 0xfe], "a program for macOS"],
  [[0xca, 0xfe, 0xba, 0xbe], "a program for macOS, or a Java class"],
  [[0x00, 0x61, 0x73, 0x6d], "a WebAssembly module"],
  [[0x1f, 0x8b], "a gzip archive"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive"],
  [[0xef, 0xbb, 0xbf, 0x23, 0x21], 'a script with a byte order mark before its "#!"'],
];

/** Reads the first bytes of a program; `nativeArch` is any name of this machine's architecture. */
export function inspectProgram(bytes: Uint8Array, nativeArch: string): Program {
  if (bytes.length === 0) return { kind: "broken", what: "an empty file" };
  if (startsWith(bytes, [0x23, 0x21])) return inspectScript(bytes);
  if (startsWith(bytes, [0x7f, 0x45, 0x4c, 0x46])) return inspectElf(bytes, findArchitecture(nativeArch));
  const other = OTHERS.find(([magic]) => startsWith(bytes, magic));
  if (other !== undefined) return { kind: "broken", what: other[1] };
  const text = bytes.subarray(0, SCRIPT_HEAD_BYTES).every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
  return { kind: "broken", what: text ? 'text without a first line that begins with "#!"' : "neither an ELF file nor a script" };
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, place) => bytes[place] === byte);
}

/** As binfmt_script reads it: blanks around both words, and everything after the first is one argument. */
function inspectScript(bytes: Uint8Array): Program {
  const head = latin1(bytes.subarray(2, SCRIPT_HEAD_BYTES));
  const [line = ""] = head.split(/[\n\0]/, 1);
  const [, interpreter = "", rest = ""] = /^[ \t]*([^ \t]*)[ \t]*(.*?)[ \t]*$/s.exec(line) ?? [];
  if (interpreter === "") return { kind: "broken", what: 'a script whose "#!" names no program' };
  const whole = line.length < head.length || bytes.length < SCRIPT_HEAD_BYTES || rest !== "";
  if (!whole) return { kind: "broken", what: `a script whose "#!" line is longer than ${SCRIPT_HEAD_BYTES} bytes` };
  return { kind: "script", interpreter: utf8(interpreter), ...(rest === "" ? {} : { argument: utf8(rest) }) };
}

/** Places in the headers; they depend on the width of addresses. */
const ELF_32 = { header: 52, phoff: 28, phentsize: 42, phnum: 44, segment: 32, offset: 4, filesz: 16 } as const;
const ELF_64 = { header: 64, phoff: 32, phentsize: 54, phnum: 56, segment: 56, offset: 8, filesz: 32 } as const;
const E_TYPE = 16;
const E_MACHINE = 18;
const ET_EXEC = 2;
const ET_DYN = 3;
const PT_INTERP = 3;
/** A path of the kernel; a longer loader's name is refused. */
const PATH_MAX = 4096;

function inspectElf(bytes: Uint8Array, native: Architecture | undefined): Program {
  const layout = bytes[4] === 1 ? ELF_32 : bytes[4] === 2 ? ELF_64 : undefined;
  const order = bytes[5];
  if (layout === undefined || (order !== 1 && order !== 2)) return { kind: "broken", what: "an ELF file of no known kind" };
  if (bytes.length < layout.header) return { kind: "broken", what: "an ELF file that is cut short" };
  const reader = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = order === 1;
  const machine = reader.getUint16(E_MACHINE, little);
  const bits = layout === ELF_32 ? 32 : 64;
  const found = ARCHITECTURES.find((arch) => arch.elfMachine === machine && arch.bits === bits && (arch.bigEndian !== true) === little);
  const architecture = found?.name ?? `of machine ${machine}`;
  if (native !== undefined && found !== native && !(native.runs ?? []).includes(architecture)) {
    return { kind: "foreign", architecture, native: native.name };
  }
  const type = reader.getUint16(E_TYPE, little);
  if (type !== ET_EXEC && type !== ET_DYN) return { kind: "broken", what: "an ELF file that is no program" };
  const interpreter = findLoader(reader, layout, little);
  return { kind: "elf", architecture, ...(interpreter === undefined ? {} : { interpreter }) };
}

function findLoader(reader: DataView, layout: typeof ELF_32 | typeof ELF_64, little: boolean): string | undefined {
  const address = (place: number): number =>
    layout === ELF_32 ? reader.getUint32(place, little) : Number(reader.getBigUint64(place, little));
  const first = address(layout.phoff);
  const size = reader.getUint16(layout.phentsize, little);
  const count = reader.getUint16(layout.phnum, little);
  if (size < layout.segment) return undefined;
  for (let i = 0; i < count; i += 1) {
    const segment = first + i * size;
    if (segment + layout.segment > reader.byteLength) return undefined;
    if (reader.getUint32(segment, little) !== PT_INTERP) continue;
    const start = address(segment + layout.offset);
    const length = address(segment + layout.filesz);
    if (length > PATH_MAX || start + length > reader.byteLength) return undefined;
    const [path = ""] = latin1(new Uint8Array(reader.buffer, reader.byteOffset + start, length)).split("\0", 1);
    return path === "" ? undefined : utf8(path);
  }
  return undefined;
}

/** A character for each byte, so that places in the text are places in the file. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function utf8(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0)));
}

/**
 * Returns what stands behind a failed execve(2) of a file that is there, undefined where the file does not explain it.
 *
 * `errno` is the error's name: ENOENT means that something the file needs is missing, ENOEXEC that it is no program here.
 */
export function explainExec(errno: string, program: Program): string | undefined {
  if (errno === "ENOENT" || errno === "EACCES" || errno === "ENOTDIR") return explainMissing(errno, program);
  if (errno !== "ENOEXEC") return undefined;
  switch (program.kind) {
    case "foreign":
      return `it is a program for ${program.architecture}, and this machine is ${program.native}`;
    case "broken":
      return `it is ${program.what}`;
    case "script":
      return `its interpreter ${JSON.stringify(program.interpreter)} is no program of this machine`;
    case "elf":
      return undefined;
    default:
      return program satisfies never;
  }
}

function explainMissing(errno: string, program: Program): string | undefined {
  if (program.kind !== "script" && program.kind !== "elf") return undefined;
  const { interpreter } = program;
  if (interpreter === undefined) return undefined;
  const role = program.kind === "script" ? "interpreter" : "dynamic loader";
  const lacks = errno === "EACCES" ? "which cannot be executed" : "which is missing";
  const windows = interpreter.endsWith("\r") ? "; the file has the line ends of Windows" : "";
  return `it needs the ${role} ${JSON.stringify(interpreter)}, ${lacks}${windows}`;
}
