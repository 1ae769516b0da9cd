/** Tests of the mount option table, and of what lists of options ask for. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as flags from "./mount-flags.ts";
import {
  findMountOnlyOption,
  MOUNT_OPTIONS,
  parseMountOptions,
  type ParsedMount,
  splitDataOption,
} from "./mount-options.ts";

const test = suite("linux/mount-options");

const NOTHING: ParsedMount = {
  bind: undefined,
  remount: false,
  attrSet: 0,
  attrClr: 0,
  recAttrSet: 0,
  recAttrClr: 0,
  superblockSet: [],
  superblockClear: [],
  propagation: [],
  idmap: undefined,
  tmpcopyup: false,
  mountOnly: [],
  msFlags: 0,
  data: [],
};

function parses(options: string, expected: Partial<ParsedMount>): void {
  test(`parseMountOptions() reads "${options}"`, () => {
    const list = options === "" ? [] : options.split(" ");
    assert.equal(parseMountOptions(list), { ...NOTHING, ...expected });
  });
}

const levels = (level: string): string[] => Object.keys(MOUNT_OPTIONS).filter((name) => MOUNT_OPTIONS[name]?.level === level);

test("MOUNT_OPTIONS has the specification's 37 MUST, 21 SHOULD and rnodev, 3 MAY", () => {
  assert.is(levels("MUST").length, 37);
  assert.is(levels("SHOULD").length, 21 + 1);
  assert.equal(levels("MAY"), ["mand", "nomand", "tmpcopyup"]);
});

const { MOUNT_ATTR__ATIME: ATIME, MOUNT_ATTR_NOATIME: NOATIME, MOUNT_ATTR_STRICTATIME: STRICTATIME } = flags;

parses("", {});
parses("defaults", {});
parses("ro", { attrSet: flags.MOUNT_ATTR_RDONLY, msFlags: flags.MS_RDONLY, superblockSet: ["ro"] });
parses("rw", { attrClr: flags.MOUNT_ATTR_RDONLY, superblockClear: ["rw"] });
parses("ro rw", { attrClr: flags.MOUNT_ATTR_RDONLY, superblockClear: ["rw"] });
parses("rw ro ro", { attrSet: flags.MOUNT_ATTR_RDONLY, msFlags: flags.MS_RDONLY, superblockSet: ["ro"] });
parses("nosuid nodev noexec nosymfollow nodiratime", {
  attrSet: 0x20008e,
  msFlags: flags.MS_NOSUID | flags.MS_NODEV | flags.MS_NOEXEC | flags.MS_NOSYMFOLLOW | flags.MS_NODIRATIME,
});
parses("nosuid nodev noexec suid dev exec symfollow diratime", { attrClr: 0x20008e });
parses("sync dirsync lazytime mand", {
  superblockSet: ["sync", "dirsync", "lazytime", "mand"],
  msFlags: flags.MS_SYNCHRONOUS | flags.MS_DIRSYNC | flags.MS_LAZYTIME | flags.MS_MANDLOCK,
});
parses("sync lazytime mand async nolazytime nomand", { superblockClear: ["async", "nolazytime", "nomand"] });
parses("silent iversion", { mountOnly: ["silent", "iversion"], msFlags: flags.MS_SILENT | flags.MS_I_VERSION });
parses("silent iversion loud noiversion", {});
parses("noatime", { attrSet: NOATIME, attrClr: ATIME, msFlags: flags.MS_NOATIME });
parses("strictatime noatime", { attrSet: NOATIME, attrClr: ATIME, msFlags: flags.MS_NOATIME });
parses("noatime strictatime", { attrSet: STRICTATIME, attrClr: ATIME, msFlags: flags.MS_STRICTATIME });
parses("strictatime atime", { attrSet: STRICTATIME, attrClr: ATIME, msFlags: flags.MS_STRICTATIME });
parses("noatime atime", { attrSet: 0, attrClr: ATIME, msFlags: flags.MS_RELATIME });
parses("atime", { attrSet: 0, attrClr: ATIME, msFlags: flags.MS_RELATIME });
parses("nostrictatime", { attrSet: 0, attrClr: ATIME, msFlags: flags.MS_RELATIME });
parses("relatime", { attrSet: 0, attrClr: ATIME, msFlags: flags.MS_RELATIME });
parses("norelatime", {});
parses("relatime norelatime", {});
parses("noatime norelatime", { attrSet: NOATIME, attrClr: ATIME, msFlags: flags.MS_NOATIME });
parses("bind", { bind: "bind" });
parses("bind rbind", { bind: "rbind" });
parses("rbind bind", { bind: "rbind" });
parses("remount", { remount: true });
parses("rprivate shared", { propagation: [flags.MS_PRIVATE | flags.MS_REC, flags.MS_SHARED] });
parses("unbindable runbindable", { propagation: [flags.MS_UNBINDABLE, flags.MS_UNBINDABLE | flags.MS_REC] });
parses("rslave slave rshared private", {
  propagation: [flags.MS_SLAVE | flags.MS_REC, flags.MS_SLAVE, flags.MS_SHARED | flags.MS_REC, flags.MS_PRIVATE],
});
parses("rro rnosuid rnodev rnoexec rnodiratime rnosymfollow", { recAttrSet: 0x20008f });
parses("rro rrw rsuid rdev rexec rdiratime rsymfollow", { recAttrClr: 0x20008f });
parses("rrw rro", { recAttrSet: flags.MOUNT_ATTR_RDONLY });
parses("rnoatime", { recAttrSet: NOATIME, recAttrClr: ATIME });
parses("rnoatime rstrictatime", { recAttrSet: STRICTATIME, recAttrClr: ATIME });
parses("rnoatime ratime", { recAttrClr: ATIME });
parses("rstrictatime rnostrictatime", { recAttrClr: ATIME });
parses("rrelatime", { recAttrClr: ATIME });
parses("rnorelatime", {});
parses("idmap", { idmap: "idmap" });
parses("idmap ridmap", { idmap: "ridmap" });
parses("tmpcopyup mode=755 size=65536k newinstance acl constructor __proto__", {
  tmpcopyup: true,
  data: ["mode=755", "size=65536k", "newinstance", "acl", "constructor", "__proto__"],
});

test("parseMountOptions() skips empty strings", () => {
  assert.equal(parseMountOptions(["", "ro"]).data, []);
});

function needsMount(option: string, expected: string | undefined): void {
  test(`findMountOnlyOption() of "${option.slice(0, 20)}", ${option.length} long, is ${expected === undefined ? "none" : "it"}`, () => {
    assert.is(findMountOnlyOption(parseMountOptions(["nosuid", option])), expected);
  });
}

const fits = `lowerdir=${"a".repeat(255)}`;
const tooLong = `lowerdir=${"a".repeat(256)}`;
const manyBytes = `lowerdir=${"ä".repeat(128)}`;
needsMount("size=1k", undefined);
needsMount("silent", "silent");
needsMount("noiversion", undefined);
needsMount(fits, undefined);
needsMount(tooLong, tooLong);
needsMount(manyBytes, manyBytes);
needsMount("mode=755,size=1k", "mode=755,size=1k");
needsMount("=x", "=x");

test("splitDataOption() splits at the first equals sign", () => {
  assert.equal(splitDataOption("context=a=b"), { key: "context", value: "a=b" });
  assert.equal(splitDataOption("newinstance"), { key: "newinstance" });
  assert.equal(splitDataOption("source="), { key: "source", value: "" });
});

test.run();
