import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { findPlace, isServed, removeUnserved } from "./listen.ts";

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
  assert.is(removeUnserved(path, () => "seen"), undefined);
  assert.ok(fs.existsSync(path));
  closeSync(listener);
});

listen("one that its listener has left is not, and goes", ({ folder }) => {
  const path = join(folder, "socket");
  closeSync(native().listenUnix(path));
  assert.is(isServed(path), false);
  assert.is(removeUnserved(path, () => fs.existsSync(path)), false);
  assert.is(fs.existsSync(path), false);
  assert.is(isServed(path), false);
});

listen("nobody listens there anew before who removes it has looked round", async ({ folder }) => {
  const path = join(folder, "socket");
  const isFree = (): number => spawnSync("flock", ["--nonblock", folder, "true"]).status ?? -1;
  assert.is(removeUnserved(path, isFree), 1);
  assert.is(isFree(), 0);
  // Nor is there anything to wait for where the folder is gone.
  assert.is(removeUnserved(join(folder, "none/socket"), () => "seen"), "seen");
  const found = await findPlace(path, folder, { id: "a", most: 0 });
  assert.ok(typeof found === "object");
  closeSync(found.listener);
});

listen("one that cannot be asked stays", ({ folder }) => {
  const path = join(folder, "link");
  fs.symlinkSync("link", path);
  // ELOOP tells nothing of a listener.
  assert.is(isServed(path), true);
});

listen.run();
