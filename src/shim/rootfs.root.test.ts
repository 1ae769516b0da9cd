/** Root file systems that containerd gives: mounted layer upon layer, with their owners mapped where it says so, and unmounted. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mountRootfs, unmountRootfs } from "./rootfs.ts";

const test = suite("shim/rootfs");

const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.log("skipped: shim/rootfs: it needs root");
const check = isRoot ? test : test.skip;

const MAPS = ["uidmap=0:200000:1000,1000:300000:10", "gidmap=0:200000:65536"];

let bundle = "";
let rootfs = "";
test.before.each(() => {
  bundle = fs.mkdtempSync(join(tmpdir(), `${process.env["TSRUN_TEST"] ?? "tsrun"}-rootfs-`));
  rootfs = join(bundle, "rootfs");
});
test.after.each(() => {
  unmountRootfs(rootfs);
  fs.rmSync(bundle, { recursive: true });
});

/** A folder with a file of root's, and one of another's. */
function layer(name: string): string {
  const path = join(bundle, name);
  fs.mkdirSync(path);
  for (const [file, owner] of [[name, 0], [`${name}-user`, 1000]] as const) {
    fs.writeFileSync(join(path, file), "");
    fs.chownSync(join(path, file), owner, owner);
  }
  return path;
}

function overlay(options: readonly string[]): { type: string; source: string; options: string[] } {
  const [lower, other] = [layer("lower"), layer("other")];
  for (const name of ["upper", "work"]) fs.mkdirSync(join(bundle, name));
  return { type: "overlay", source: "overlay", options: [`lowerdir=${lower}:${other}`, `upperdir=${join(bundle, "upper")}`, `workdir=${join(bundle, "work")}`, ...options] };
}

function owners(...names: readonly string[]): [number, number][] {
  return names.map((name) => [fs.statSync(join(rootfs, name)).uid, fs.statSync(join(rootfs, name)).gid]);
}

check("mountRootfs() mounts an overlay, and unmountRootfs() takes it away", async () => {
  await mountRootfs(rootfs, [overlay([])]);
  assert.equal(owners("lower", "other-user"), [[0, 0], [1000, 1000]]);
  fs.writeFileSync(join(rootfs, "new"), "");
  assert.equal(fs.readdirSync(join(bundle, "upper")), ["new"]);
  unmountRootfs(rootfs);
  assert.equal(fs.readdirSync(rootfs), []);
});

check("mountRootfs() maps the owners of an overlay's lower layers, and leaves nothing else mounted", async () => {
  await mountRootfs(rootfs, [overlay(MAPS)]);
  assert.equal(owners("lower", "lower-user", "other", "other-user"), [[200_000, 200_000], [300_000, 201_000], [200_000, 200_000], [300_000, 201_000]]);
  // Copied up with the owner that is seen.
  fs.appendFileSync(join(rootfs, "lower-user"), "more");
  assert.is(fs.statSync(join(bundle, "upper/lower-user")).uid, 300_000);
  assert.not(fs.existsSync(join(bundle, "layers")));
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => line.includes(bundle));
  assert.is(mounts.length, 1);
  assert.equal([fs.statSync(join(bundle, "lower/lower")).uid, fs.readdirSync(join(bundle, "lower")).length], [0, 2]);
});

check("mountRootfs() maps the owners of what is bound, and says which maps it does not understand", async () => {
  const source = layer("source");
  await mountRootfs(rootfs, [{ type: "bind", source, options: ["rbind", "ro", ...MAPS] }]);
  assert.equal(owners("source", "source-user"), [[200_000, 200_000], [300_000, 201_000]]);
  unmountRootfs(rootfs);
  let message = "";
  await mountRootfs(rootfs, [{ type: "bind", source, options: ["rbind", "uidmap=0:x:1", "gidmap=0:0:1"] }]).catch((error: unknown) => (message = String(error)));
  assert.match(message, /"0:x:1" is no map/);
});

check("mountRootfs() leaves nothing of layers when one of them cannot be mounted", async () => {
  const { options, ...mount } = overlay(MAPS);
  let message = "";
  await mountRootfs(rootfs, [{ ...mount, options: options.map((option) => option.replace("other", "missing")) }]).catch((error: unknown) => (message = String(error)));
  assert.match(message, /ENOENT/);
  assert.not(fs.existsSync(join(bundle, "layers")));
  assert.equal(fs.readdirSync(rootfs), []);
});

test.run();
