import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as files from "./files.ts";
import { native } from "./native.ts";

const test = suite("files");

let folder = "";
test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-files-"));
});
test.after.each(() => fs.rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

/** What both say of a failure; texts may differ. */
function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    const { code, syscall, path } = error as NodeJS.ErrnoException;
    return { code, syscall, path };
  }
  return "no failure";
}

test("readFileSync() reads what node:fs reads: texts, bytes, nothing, and the kernel's files, which have no size", () => {
  const samples = { empty: Buffer.alloc(0), text: Buffer.from("zwölf ☃ 🐧"), broken: Buffer.from([0x61, 0xff, 0x80, 0x62]), big: Buffer.alloc(100_001, "ab") };
  for (const [name, bytes] of Object.entries(samples)) {
    fs.writeFileSync(at(name), bytes);
    assert.equal([...files.readFileSync(at(name))], [...bytes], name);
    assert.is(files.readFileSync(at(name), "utf8"), fs.readFileSync(at(name), "utf8"), name);
  }
  assert.is(files.readFileSync("/proc/self/mountinfo", "utf8"), fs.readFileSync("/proc/self/mountinfo", "utf8"));
});

test("readlinkSync() reads what node:fs reads, and refuses what is no link", () => {
  fs.symlinkSync("../somewhere ☃", at("link"));
  assert.is(files.readlinkSync(at("link")), "../somewhere ☃");
  assert.equal(failureOf(() => files.readlinkSync(folder)), { code: "EINVAL", syscall: "readlink", path: folder });
});

test("writeFileSync() replaces, appends and refuses as node:fs does, with the mode", () => {
  files.writeFileSync(at("a"), "a longer text", { mode: 0o600 });
  files.writeFileSync(at("a"), "two");
  assert.is(fs.readFileSync(at("a"), "utf8"), "two");
  assert.is(fs.statSync(at("a")).mode & 0o777, 0o600);
  files.appendFileSync(at("a"), " ☃");
  assert.is(fs.readFileSync(at("a"), "utf8"), "two ☃");
  files.writeFileSync(at("b"), Uint8Array.of(0, 255));
  assert.equal([...fs.readFileSync(at("b"))], [0, 255]);
  assert.equal(failureOf(() => files.writeFileSync(at("b"), "", { flag: "wx" })), { code: "EEXIST", syscall: "open", path: at("b") });
});

test("openSync(), writeSync(), readSync() and closeSync() use one descriptor, which no program inherits", () => {
  const fd = files.openSync(at("a"), fs.constants.O_RDWR | fs.constants.O_CREAT, 0o640);
  assert.is(files.writeSync(fd, "abc"), 3);
  assert.is(files.writeSync(fd, Buffer.from("0123456789"), 2, 3), 3);
  assert.is(files.writeSync(fd, Buffer.from("xyz"), 1), 2);
  const again = files.openSync(at("a"));
  const buffer = new Uint8Array(20);
  assert.is(files.readSync(again, buffer.subarray(5)), 8);
  assert.is(Buffer.from(buffer.subarray(5, 13)).toString(), "abc234yz");
  assert.is(files.readSync(again, buffer), 0);
  assert.match(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"), /flags:\s+0\d*2\d{6}$/m);
  files.closeSync(again);
  files.closeSync(fd);
  assert.equal(failureOf(() => files.closeSync(fd)), { code: "EBADF", syscall: "close", path: undefined });
});

test("statSync(), fstatSync() and existsSync() tell files, fifos and nothing", () => {
  fs.writeFileSync(at("file"), "12345");
  native().mkfifo(at("fifo"), 0o600);
  assert.is(files.statSync(at("file")).size, 5);
  assert.is(files.statSync(at("file")).isFile(), true);
  assert.is(files.statSync(folder).isFile(), false);
  const fd = files.openSync(at("fifo"), fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  assert.is(files.fstatSync(fd).isFIFO(), true);
  files.closeSync(fd);
  assert.is(files.statSync(at("none"), { throwIfNoEntry: false }), undefined);
  assert.is(files.statSync(at("file/none"), { throwIfNoEntry: false }), undefined);
  assert.equal(failureOf(() => files.statSync(at("none"))), failureOf(() => fs.statSync(at("none"))));
  assert.equal([at("file"), at("none")].map(files.existsSync), [true, false]);
});

test("mkdirSync() and rmSync() go down with `recursive`, and rmSync() follows no link", () => {
  files.mkdirSync(at("a/b/c"), { recursive: true, mode: 0o700 });
  files.mkdirSync(at("a/b/c"), { recursive: true });
  assert.is(fs.statSync(at("a/b")).mode & 0o777, 0o700);
  assert.is((failureOf(() => files.mkdirSync(at("a"))) as NodeJS.ErrnoException).code, "EEXIST");
  assert.is((failureOf(() => files.mkdirSync(at("x/y"))) as NodeJS.ErrnoException).code, "ENOENT");
  fs.mkdirSync(at("other"));
  fs.writeFileSync(at("other/kept"), "");
  fs.symlinkSync(at("other"), at("a/b/link"));
  fs.writeFileSync(at("a/b/c/file"), "");
  assert.is((failureOf(() => files.rmSync(at("a"))) as NodeJS.ErrnoException).code, "EISDIR");
  files.rmSync(at("a"), { recursive: true, force: true });
  files.rmSync(at("a"), { recursive: true, force: true });
  assert.equal(files.readdirSync(folder), ["other"]);
  assert.is(fs.existsSync(at("other/kept")), true);
  assert.is((failureOf(() => files.rmSync(at("a"))) as NodeJS.ErrnoException).code, "ENOENT");
});

test("mkdirSync() with `recursive` refuses a file in the way", () => {
  fs.writeFileSync(at("file"), "");
  assert.is((failureOf(() => files.mkdirSync(at("file"), { recursive: true })) as NodeJS.ErrnoException).code, "EEXIST");
  assert.is((failureOf(() => files.mkdirSync(at("file/x"), { recursive: true })) as NodeJS.ErrnoException).code, "ENOTDIR");
  assert.is((failureOf(() => files.mkdirSync("/proc/1/x/y", { recursive: true })) as NodeJS.ErrnoException).code, "ENOENT");
});

test("readdirSync() and directoriesIn() list names, with links not among the directories", () => {
  for (const name of ["a", "b"]) fs.mkdirSync(at(name));
  fs.writeFileSync(at("file"), "");
  fs.symlinkSync("a", at("link"));
  assert.equal(files.readdirSync(folder).sort(), ["a", "b", "file", "link"]);
  assert.equal(files.directoriesIn(folder).sort(), ["a", "b"]);
  assert.equal(failureOf(() => files.readdirSync(at("none"))), { code: "ENOENT", syscall: "opendir", path: at("none") });
});

test("renameSync(), unlinkSync(), rmdirSync(), chownSync() and statfsSync() do what they are named after", () => {
  fs.writeFileSync(at("a"), "");
  files.renameSync(at("a"), at("b"));
  files.chownSync(at("b"), process.getuid?.() ?? 0, -1);
  files.unlinkSync(at("b"));
  fs.mkdirSync(at("c"));
  assert.is((failureOf(() => files.unlinkSync(at("c"))) as NodeJS.ErrnoException).code, "EISDIR");
  files.rmdirSync(at("c"));
  assert.equal(fs.readdirSync(folder), []);
  assert.is(files.statfsSync("/proc").type, fs.statfsSync("/proc").type);
});

test("sha256() is the digest of every length around a block", async () => {
  const { createHash } = await import("node:crypto");
  for (const size of [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000, 20_000]) {
    const text = "a☃".repeat(size).slice(0, size);
    assert.is(native().sha256(text), createHash("sha256").update(text).digest("hex"), `${size}`);
  }
});

test.run();
