/** Tests of what the first bytes of a program tell. */

import { closeSync, openSync, readSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explainExec, inspectProgram, type Program, PROGRAM_HEAD_BYTES } from "./shebang-elf.ts";

const test = suite("linux/shebang-elf");

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function reads(name: string, head: Uint8Array | string, expected: Program): void {
  test(`inspectProgram() reads ${name}`, () => {
    assert.equal(inspectProgram(typeof head === "string" ? encode(head) : head, "x64"), expected);
  });
}

reads("a script", "#!/bin/sh\necho\n", { kind: "script", interpreter: "/bin/sh" });
reads("a script without a newline", "#!/bin/sh", { kind: "script", interpreter: "/bin/sh" });
reads("blanks and one argument", "#! \t/usr/bin/env  python3 -u \t\n", {
  kind: "script",
  interpreter: "/usr/bin/env",
  argument: "python3 -u",
});
reads("the line end of Windows", "#!/bin/bash\r\n", { kind: "script", interpreter: "/bin/bash\r" });
reads("a name that is not ASCII", "#!/bin/ä\n", { kind: "script", interpreter: "/bin/ä" });
reads("a script that names nothing", "#! \n", { kind: "broken", what: 'a script whose "#!" names no program' });
reads("a name of 253 bytes", `#!/${"a".repeat(252)}\n`, { kind: "script", interpreter: `/${"a".repeat(252)}` });
reads("a name that is too long", `#!/${"a".repeat(300)}\n`, {
  kind: "broken",
  what: 'a script whose "#!" line is longer than 256 bytes',
});
reads("text", "echo hello\n", { kind: "broken", what: 'text without a first line that begins with "#!"' });
reads("an empty file", "", { kind: "broken", what: "an empty file" });
reads("noise", new Uint8Array([1, 2, 3]), { kind: "broken", what: "neither an ELF file nor a script" });
reads("a program for Windows", "MZ\u0000", { kind: "broken", what: "a program for Windows" });
reads("a script with a byte order mark", "\uFEFF#!/bin/sh\n", {
  kind: "broken",
  what: 'a script with a byte order mark before its "#!"',
});

interface ElfFacts {
  readonly bits?: 32 | 64;
  readonly little?: boolean;
  readonly machine?: number;
  readonly type?: number;
  readonly interpreter?: string;
}

/** Writes the headers of an ELF file with two segments, the second of which may name a loader. */
function elf({ bits = 64, little = true, machine = 62, type = 3, interpreter }: ElfFacts): Uint8Array {
  const wide = bits === 64;
  const [header, segment] = wide ? [64, 56] : [52, 32];
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  const address = (place: number, value: number): void =>
    wide ? view.setBigUint64(place, BigInt(value), little) : view.setUint32(place, value, little);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  view.setUint16(16, type, little);
  view.setUint16(18, machine, little);
  address(wide ? 32 : 28, header);
  view.setUint16(wide ? 54 : 42, segment, little);
  view.setUint16(wide ? 56 : 44, 2, little);
  view.setUint32(header, 6, little);
  const second = header + segment;
  view.setUint32(second, interpreter === undefined ? 1 : 3, little);
  address(second + (wide ? 8 : 4), 300);
  address(second + (wide ? 32 : 16), (interpreter ?? "").length + 1);
  bytes.set(encode(interpreter ?? ""), 300);
  return bytes;
}

const LOADER = "/lib64/ld-linux-x86-64.so.2";

reads("a dynamic ELF file", elf({ interpreter: LOADER }), { kind: "elf", architecture: "x86_64", interpreter: LOADER });
reads("a static ELF file", elf({ type: 2 }), { kind: "elf", architecture: "x86_64" });
reads("a 32-bit ELF file", elf({ bits: 32, machine: 3, interpreter: "/lib/ld-linux.so.2" }), {
  kind: "elf",
  architecture: "i686",
  interpreter: "/lib/ld-linux.so.2",
});
reads("an ELF file for ARM", elf({ machine: 183 }), { kind: "foreign", architecture: "aarch64", native: "x86_64" });
reads("an ELF file for a big-endian machine", elf({ machine: 22, little: false }), {
  kind: "foreign",
  architecture: "s390x",
  native: "x86_64",
});
reads("an ELF file for an unknown machine", elf({ machine: 9999 }), {
  kind: "foreign",
  architecture: "of machine 9999",
  native: "x86_64",
});
reads("an ELF file that is no program", elf({ type: 1 }), { kind: "broken", what: "an ELF file that is no program" });
reads("an ELF file that is cut short", elf({}).subarray(0, 40), { kind: "broken", what: "an ELF file that is cut short" });
reads("an ELF file of no known kind", elf({}).fill(9, 4, 5), { kind: "broken", what: "an ELF file of no known kind" });

test("inspectProgram() survives every cut and every flipped byte", () => {
  const whole = elf({ interpreter: LOADER });
  for (let place = 0; place < whole.length; place += 1) {
    inspectProgram(whole.subarray(0, place), "x64");
    for (const value of [0, 0x7f, 0xff]) inspectProgram(Uint8Array.from(whole, (byte, i) => (i === place ? value : byte)), "x64");
  }
  const cut = inspectProgram(whole.subarray(0, 310), "x64");
  assert.equal(cut, { kind: "elf", architecture: "x86_64" });
});

test("inspectProgram() reads this engine's own file", () => {
  const head = new Uint8Array(PROGRAM_HEAD_BYTES);
  const fd = openSync("/proc/self/exe", "r");
  readSync(fd, head);
  closeSync(fd);
  const program = inspectProgram(head, process.arch);
  assert.is(program.kind, "elf");
  assert.match(program.kind === "elf" ? (program.interpreter ?? "") : "", /^\/lib.*\/ld-/);
});

function explains(errno: string, head: Uint8Array | string, expected: string | undefined): void {
  test(`explainExec() of ${errno} says ${expected ?? "nothing"}`, () => {
    assert.is(explainExec(errno, inspectProgram(typeof head === "string" ? encode(head) : head, "x64")), expected);
  });
}

explains("ENOENT", "#!/bin/bash\n", 'it needs the interpreter "/bin/bash", which is missing');
explains(
  "ENOENT",
  "#!/bin/sh\r\n",
  'it needs the interpreter "/bin/sh\\r", which is missing; the file has the line ends of Windows',
);
explains("ENOENT", elf({ interpreter: LOADER }), `it needs the dynamic loader "${LOADER}", which is missing`);
explains("EACCES", "#!/etc\n", 'it needs the interpreter "/etc", which cannot be executed');
explains("ENOENT", elf({}), undefined);
explains("ENOENT", "text", undefined);
explains("ENOEXEC", elf({ machine: 183 }), "it is a program for aarch64, and this machine is x86_64");
explains("ENOEXEC", "echo", 'it is text without a first line that begins with "#!"');
explains("ENOEXEC", "#!/etc/passwd\n", 'its interpreter "/etc/passwd" is no program of this machine');
explains("ENOEXEC", elf({}), undefined);
explains("EPERM", "#!/bin/sh\n", undefined);

test.run();
