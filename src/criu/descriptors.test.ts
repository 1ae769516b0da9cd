/** The list of streams in a folder of images, which may be anybody's. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inheritedStreams } from "./descriptors.ts";

const test = suite("criu descriptors");

let folder = "";

test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-images-"));
});

test.after.each(() => fs.rmSync(folder, { recursive: true }));

const at = (): string => join(folder, "descriptors.json");

test("inheritedStreams() takes pipes and files of the host, and passes over what is neither", () => {
  fs.writeFileSync(at(), JSON.stringify(["pipe:[123]", "/etc/passwd", "file[1b:3a2]", "pipe:[9]"]));
  assert.equal(inheritedStreams(folder, 4), [{ key: "pipe:[123]", fd: 4 }, { key: "file[1b:3a2]", fd: 6 }]);
  fs.writeFileSync(at(), JSON.stringify([{ toString: 1 }, null, "pipe:[1]; pipe:[2]"]));
  assert.equal(inheritedStreams(folder, 4), []);
});

test("inheritedStreams() refuses what is no list", () => {
  for (const text of ["", "{", "{}", '"pipe:[1]"', "null"]) {
    fs.writeFileSync(at(), text);
    assert.throws(() => inheritedStreams(folder, 4), /cannot use ".*descriptors\.json": it is not/, text);
  }
});

test("inheritedStreams() does not wait for a fifo, nor read a device or a file without end", () => {
  spawnSync("mkfifo", [at()]);
  assert.throws(() => inheritedStreams(folder, 4), /it is no file of at most/);
  fs.rmSync(at());
  fs.symlinkSync("/dev/zero", at());
  assert.throws(() => inheritedStreams(folder, 4), /it is no file of at most/);
  fs.rmSync(at());
  fs.writeFileSync(at(), "");
  fs.truncateSync(at(), 1 << 30);
  assert.throws(() => inheritedStreams(folder, 4), /it is no file of at most/);
});

test.run();
