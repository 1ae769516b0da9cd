/** readOptions(): what clients really send. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RuncOptions, RuntimeOptions } from "./generated/options.ts";
import { encode } from "../protobuf/messages.ts";
import { IGNORED, RUNC_OPTIONS, RUNTIME_OPTIONS, readOptions, readStartOptions } from "./options.ts";
import type { RpcError } from "./rpc-error.ts";

const test = suite("options");

async function refusal(type_url: string, value: Uint8Array): Promise<RpcError> {
  try {
    await readOptions({ type_url, value });
  } catch (error) {
    return error as RpcError;
  }
  throw new Error("it was taken");
}

function toml(text: string): { type_url: string; value: Uint8Array } {
  return { type_url: RUNTIME_OPTIONS, value: encode(RuntimeOptions, { config_body: Buffer.from(text) }) };
}

test("readOptions() without options has the defaults", async () => {
  const { root, noPivotRoot, systemdCgroup } = await readOptions(undefined);
  assert.equal([root, noPivotRoot, systemdCgroup], ["/run/containerd/tsrun", false, false]);
});

test("readOptions() takes runc's message", async () => {
  const value = encode(RuncOptions, { no_pivot_root: true, root: "/r", io_uid: 5, systemd_cgroup: true });
  const options = await readOptions({ type_url: RUNC_OPTIONS, value });
  assert.equal([options.noPivotRoot, options.root, options.ioUid, options.systemdCgroup], [true, "/r", 5, true]);
});

test("readOptions() takes CRI's TOML in config_body, and passes over what only runc's shim has", async () => {
  const options = await readOptions(toml('SystemdCgroup = true\nRoot = ""\nNoPivotRoot = true\nBinaryName = "x"\nCriuPath = "y"\nTaskApiVersion = 3\n'));
  assert.equal([options.systemdCgroup, options.root, options.noPivotRoot], [true, "/run/containerd/tsrun", true]);
});

test("every field of runc's options, and of our own, is used or passed over on purpose", async () => {
  const own = Object.keys(await readOptions(undefined));
  const ours = own.map((name) => name.charAt(0).toUpperCase() + name.slice(1));
  const known = [...ours, ...IGNORED].sort();
  const fields = RuncOptions.fields.map(([, name]) => name.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(""));
  assert.equal(known, [...fields, "Shared", "SharedLimit"].sort());
});

test("readStartOptions() leaves bad options to Create", async () => {
  assert.is((await readStartOptions(toml("ShimCgroup = 5"))).shimCgroup, "");
  const { shimCgroup, shared, sharedLimit } = await readStartOptions(toml('ShimCgroup = "/a"\nShared = true\nSharedLimit = 3\n'));
  assert.equal([shimCgroup, shared, sharedLimit], ["/a", true, 3]);
});

test("readOptions() reads the file that config_path names", async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "tsrun-options-"));
  try {
    fs.writeFileSync(join(folder, "options.toml"), 'Root = "/elsewhere"\n');
    const value = encode(RuntimeOptions, { config_path: join(folder, "options.toml") });
    assert.is((await readOptions({ type_url: RUNTIME_OPTIONS, value })).root, "/elsewhere");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test("readOptions() refuses another type, bad TOML, a wrong type and a file that is not there, as invalid arguments", async () => {
  const missing = encode(RuntimeOptions, { config_path: "/nonexistent/options.toml" });
  for (const [error, text] of [
    [await refusal("a.b.C", new Uint8Array()), /"a\.b\.C"/],
    [await refusal(RUNTIME_OPTIONS, toml("Root = ").value), /cannot read the runtime's options/],
    [await refusal(RUNTIME_OPTIONS, toml("Root = 5").value), /Root must be a string/],
    [await refusal(RUNTIME_OPTIONS, missing), /nonexistent/],
    [await refusal(RUNTIME_OPTIONS, toml("SystemdCgrup = true").value), /unknown option "SystemdCgrup"; did you mean "SystemdCgroup"\?/],
    [await refusal(RUNTIME_OPTIONS, toml("[other]\na = 1").value), /unknown option "other"/],
    [await refusal(RUNTIME_OPTIONS, toml("IoUid = -1").value), /IoUid must be a number, got -1/],
    [await refusal(RUNTIME_OPTIONS, toml("SharedLimit = 1.5").value), /SharedLimit must be a number, got 1\.5/],
  ] as const) {
    assert.match(error.message, text);
    assert.is(error.status, 3);
  }
});

test.run();
