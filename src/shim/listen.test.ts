import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { isServed, removeUnserved } from "./listen.ts";

const listen = suite<{ folder: string }>("listen", { folder: "" });

listen.before.each((t) => {
  t.folder = fs.mkdtempSync(join(tmpdir(), `${process.env["TSRUN_TEST"] ?? "tsrun"}-listen-`));
});

listen.after.each((t) => {
  fs.rmSync(t.folder, { recursive: true });
});

listen("a socket with a listener is served, and stays", ({ folder }) => {
  const path = join(folder, "socket");
  const listener = native().listenUnix(path);
  assert.is(isServed(path), true);
  assert.is(removeUnserved(path), false);
  assert.ok(fs.existsSync(path));
  closeSync(listener);
});

listen("one that its listener has left is not, and goes", ({ folder }) => {
  const path = join(folder, "socket");
  closeSync(native().listenUnix(path));
  assert.is(isServed(path), false);
  assert.is(removeUnserved(path), true);
  assert.is(fs.existsSync(path), false);
  assert.is(isServed(path), false);
});

listen("one that cannot be asked stays", ({ folder }) => {
  const path = join(folder, "link");
  fs.symlinkSync("link", path);
  // ELOOP tells nothing of a listener.
  assert.is(isServed(path), true);
});

listen.run();
