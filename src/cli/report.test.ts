import * as fs from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { messageOf } from "./report.ts";

const test = suite("cli/report");

let folder = "";
test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-report-"));
});
test.after.each(() => fs.rmSync(folder, { recursive: true }));

interface Told {
  readonly stderr: string;
  readonly log: string | undefined;
}

/** tell() in a process of its own, whose standard error can be seen. */
function tell(level: string, message: string, { format = "text", debug = false, log = false }: { format?: string; debug?: boolean; log?: boolean | string } = {}): Told {
  const path = typeof log === "string" ? log : join(folder, "log");
  const report = { format, debug, ...(log === false ? {} : { log: path }) };
  const script = join(folder, "tell.mjs");
  const module = join(import.meta.dirname, `report${extname(import.meta.filename)}`);
  fs.writeFileSync(script, `import { tell } from ${JSON.stringify(module)};\ntell(...${JSON.stringify([report, level, message])});\n`);
  const { stderr, status } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  return { stderr, log: fs.existsSync(path) && log === true ? fs.readFileSync(path, "utf8") : undefined };
}

const TIME = '"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ"';
const MESSAGE = 'cannot do "it":\nno way';

test("an error's message that nobody would read to the end is shortened, and says by how much", () => {
  const { message } = new UsageError("x".repeat(100_000));
  assert.is(message, `${"x".repeat(16_384)}... and 83616 more characters`);
  assert.is(new UsageError("x".repeat(16_384)).message.length, 16_384);
});

test("tell() shortens what is too long for a log, at every level", () => {
  assert.match(tell("warning", "x".repeat(20_000)).stderr, /^tsrun: warning: x{16384}\.\.\. and 3616 more characters\n$/);
});

test("tell() tells people an error in its words, and another level by its name", () => {
  assert.equal(tell("error", MESSAGE), { stderr: `tsrun: ${MESSAGE}\n`, log: undefined });
  assert.is(tell("warning", "w").stderr, "tsrun: warning: w\n");
});

test("tell() with --log-format json and no log writes one line of JSON to standard error", () => {
  const { stderr } = tell("error", MESSAGE, { format: "json" });
  assert.match(stderr, new RegExp(`^\\{"level":"error","msg":"[^\\n]*","time":${TIME}\\}\\n$`));
  assert.is((JSON.parse(stderr) as { msg: string }).msg, MESSAGE);
});

test("tell() with a JSON log writes one line to it, and words to standard error", () => {
  const { stderr, log = "" } = tell("error", MESSAGE, { format: "json", log: true });
  assert.is(stderr, `tsrun: ${MESSAGE}\n`);
  assert.is(log.split("\n").length, 2);
  assert.equal(Object.keys(JSON.parse(log) as object), ["level", "msg", "time"]);
});

test("tell() with a text log writes one line to it", () => {
  const { log = "" } = tell("warning", MESSAGE, { log: true });
  assert.match(log, new RegExp(`^time=${TIME} level=warning msg="cannot do \\\\"it\\\\":\\\\nno way"\\n$`));
});

test("tell() adds to a log, and does not replace it", () => {
  fs.writeFileSync(join(folder, "log"), "before\n");
  const { log = "" } = tell("error", "x", { log: true });
  assert.match(log, /^before\n.*\n$/);
});

test("tell() tells debug only where it was asked for, and not to people who have a log", () => {
  assert.is(tell("debug", "d").stderr, "");
  assert.is(tell("debug", "d", { debug: true }).stderr, "tsrun: debug: d\n");
  const { stderr, log = "" } = tell("debug", "d", { debug: true, log: true });
  assert.is(stderr, "");
  assert.match(log, "level=debug");
});

test("tell() tells of a log that cannot be written, and the message all the same", () => {
  const { stderr } = tell("error", "x", { log: "/no/such/log" });
  assert.match(stderr, /^tsrun: cannot write the log "\/no\/such\/log": .*ENOENT.*\ntsrun: x\n$/);
});

test("messageOf() tells a defect of ours from an error that was meant", () => {
  assert.is(messageOf(new UsageError("cannot x: y")), "cannot x: y");
  assert.is(messageOf(new TypeError("y")), "internal error: y");
  assert.is(messageOf("y"), "internal error: y");
});

test.run();
