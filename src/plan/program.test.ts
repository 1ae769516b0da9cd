import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explainProgram, parseFileFacts } from "./program.ts";
import type { FileFacts, RefusedProgram } from "./program.ts";

const test = suite("plan/program");

const FILE = 0o100000;

function facts(mode: number, head: string | Uint8Array = "", { mount = 0, uid = 0, gid = 0 } = {}): FileFacts {
  return { mode, mount, uid, gid, head: typeof head === "string" ? new TextEncoder().encode(head) : head };
}

function explain(given: Partial<RefusedProgram>): string | undefined {
  return explainProgram({ op: "execve", errno: "EACCES", name: "/x", file: undefined, arch: "x64", ...given });
}

const FOREIGN = new Uint8Array(64);
FOREIGN.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
FOREIGN.set([2, 0, 0xb7], 16);

for (const [name, given, expected] of [
  ["where a name was looked for", { op: "lookup", errno: "ENOENT", name: "sh", path: "/a:/b", file: undefined }, 'the PATH is "/a:/b"'],
  ["nothing more of a path that leads nowhere", { op: "lookup", errno: "ENOENT", name: "/sh", path: "/a", file: undefined }, undefined],
  ["a link that leads nowhere", { op: "lookup", errno: "ENOENT", file: facts(0o120777) }, "it is a symbolic link that leads nowhere"],
  ["a closed directory", { op: "lookup", file: undefined }, "a directory on the way to it may not be searched by this user"],
  ["a file for nobody", { op: "lookup", file: facts(FILE | 0o644, "#!/x\n") }, "its mode 0644 lets nobody execute it"],
  ["a file for others", { op: "lookup", file: facts(FILE | 0o4744, "", { uid: 5, gid: 6 }) }, "its mode 04744 and its owner 5:6 do not let this user execute it"],
  ["a mount without execution", { op: "lookup", file: facts(FILE | 0o755, "", { mount: 0x1028 }) }, "its file system is mounted noexec"],
  ["a fifo", { op: "lookup", file: facts(0o010666) }, "it is a fifo"],
  ["a device", { op: "lookup", file: facts(0o020666) }, "it is a character device"],
  ["a missing interpreter", { errno: "ENOENT", file: facts(FILE | 0o755, "#!/none -x\n") }, 'it needs the interpreter "/none", which is missing'],
  ["an interpreter that is none", { file: facts(FILE | 0o755, "#!/etc/passwd\n") }, 'it needs the interpreter "/etc/passwd", which cannot be executed'],
  ["another architecture", { errno: "ENOEXEC", file: facts(FILE | 0o755, FOREIGN) }, "it is a program for aarch64, and this machine is x86_64"],
  ["text", { errno: "ENOEXEC", file: facts(FILE | 0o755, "true\n") }, 'it is text without a first line that begins with "#!"'],
  ["too many words", { errno: "E2BIG", file: undefined }, "args and env together, or one of them alone, are longer than the kernel takes"],
  ["too many processes", { errno: "EAGAIN", file: undefined }, "its user has as many processes as RLIMIT_NPROC allows"],
  ["nothing where init said nothing", { errno: "ENOEXEC", file: undefined }, undefined],
] as const) {
  test(`explainProgram() tells ${name}`, () => {
    assert.is(explain(given), expected);
  });
}

test("parseFileFacts() reads what init notes, and nothing of other words", () => {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const { head, ...numbers } = parseFileFacts(encode("file 33188 4128 5 6 \n#!/x\n")) ?? facts(0);
  assert.equal(numbers, { mode: 0o100644, mount: 4128, uid: 5, gid: 6 });
  assert.is(new TextDecoder().decode(head), "#!/x\n");
  for (const text of ["", "exit 1\n#!", "file", "file 1 2\n", "file a b c d \n", "file 1 2 3 4"]) assert.is(parseFileFacts(encode(text)), undefined, text);
});

test.run();
