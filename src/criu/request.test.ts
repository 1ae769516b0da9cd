/** What criu is asked, by the options, and in bytes. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../protobuf/messages.ts";
import { CgroupMode, Request, RequestType, Response } from "./generated/rpc.ts";
import type { Options } from "./generated/rpc.ts";
import { checkpointRequest, restoreRequest } from "./request.ts";
import type { CheckpointFacts, RestoreFacts } from "./request.ts";

const test = suite("criu/request");

const FOLDERS = { images: 5, work: 6, root: "/bundle/rootfs", configFile: "/etc/criu/runc.conf" };
const DUMP: CheckpointFacts = { ...FOLDERS, pid: 42, freezer: "/sys/fs/cgroup/freezer/one", external: ["mnt[/data]:/data"] };
const RESTORE: RestoreFacts = {
  ...FOLDERS,
  external: [
    { destination: "/data", name: "/data", source: "/srv/data" },
    { destination: "/proc/kcore", name: "/dev/null", source: "/dev/null", onlyFile: true },
    { destination: "/proc/keys", name: "/dev/null", source: "/dev/null", onlyFile: true },
  ],
  inherited: [{ key: "pipe:[7]", fd: 0 }],
  joined: [{ ns: "ipc", ns_file: "/run/ipc" }],
  cgroupPath: "/one",
  hierarchies: [
    { version: 1, controllers: ["cpu", "cpuacct"], name: undefined },
    { version: 1, controllers: [], name: "systemd" },
    { version: 2, controllers: [], name: undefined },
  ],
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function optionsOf({ opts }: Partial<Request>): Partial<Options> {
  return opts ?? {};
}

test("checkpointRequest() passes the choices on, and what is known of the container", () => {
  const choices = { imagePath: "/images", leaveRunning: true, tcpEstablished: true, tcpSkipInFlight: true, extUnixSk: true, shellJob: true, fileLocks: true, linkRemap: true, autoDedup: true, lazyPages: true };
  const { type, opts = {} } = checkpointRequest({ ...choices, pageServer: { address: "192.0.2.1", port: 9999 } }, DUMP);
  assert.is(type, RequestType.DUMP);
  const expected: Partial<Options> = {
    images_dir_fd: 5,
    work_dir_fd: 6,
    pid: 42,
    root: "/bundle/rootfs",
    leave_running: true,
    tcp_established: true,
    tcp_skip_in_flight: true,
    ext_unix_sk: true,
    shell_job: true,
    file_locks: true,
    link_remap: true,
    auto_dedup: true,
    lazy_pages: true,
    log_file: "dump.log",
    freeze_cgroup: "/sys/fs/cgroup/freezer/one",
    config_file: "/etc/criu/runc.conf",
    external: ["mnt[/data]:/data"],
    ps: { address: "192.0.2.1", port: 9999 },
    empty_ns: 0x40000000,
    manage_cgroups_mode: CgroupMode.DEFAULT,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal((opts as Readonly<Record<string, unknown>>)[name], value, name);
});

test("checkpointRequest() asks for a pre-dump, and for what has changed since the images before", () => {
  const { type, opts = {} } = checkpointRequest({ imagePath: "/images/2", parentPath: "../1", preDump: true }, DUMP);
  assert.is(type, RequestType.PRE_DUMP);
  assert.equal([opts.parent_img, opts.track_mem], ["../1", true]);
});

test("restoreRequest() names each source once, and the cgroups as /proc/PID/cgroup does", () => {
  const { type, opts = {} } = restoreRequest({ imagePath: "/images", lsmProfile: "apparmor:other", lsmMountContext: "context" }, RESTORE);
  assert.is(type, RequestType.RESTORE);
  assert.equal(opts.external, ["mnt[/data]:/srv/data", "mnt[/dev/null]:/dev/null"]);
  const path = "/one";
  assert.equal(opts.cg_root, [{ ctrl: "cpu", path }, { ctrl: "cpuacct", path }, { ctrl: "name=systemd", path }, { ctrl: "", path }]);
  assert.equal([opts.lsm_profile, opts.lsm_mount_context, opts.log_file, opts.rst_sibling], ["apparmor:other", "context", "restore.log", true]);
});

test("each mode for cgroups has criu's number, also the one that is zero", () => {
  const modes = { soft: 3, full: 4, strict: 5, ignore: 0 } as const;
  for (const [mode, number] of Object.entries(modes) as [keyof typeof modes, number][]) {
    const request = restoreRequest({ imagePath: "/images", manageCgroupsMode: mode }, RESTORE);
    assert.is(optionsOf(decode(Request, encode(Request, request))).manage_cgroups_mode, number);
  }
});

test("in bytes the numbers are those of criu's rpc.proto", () => {
  const pieces = { type: "0802", images: "0805", pid: "102a", log: "520b726573746f72652e6c6f67", inherit: "da010c0a08706970653a5b375d1000", ignore: "900200", network: "b0028080808004" };
  const request = restoreRequest({ imagePath: "/images", manageCgroupsMode: "ignore" }, RESTORE);
  const bytes = hex(encode(Request, { ...request, opts: { ...request.opts, pid: 42 } }));
  assert.ok(bytes.startsWith(pieces.type), bytes);
  for (const [name, piece] of Object.entries(pieces)) assert.match(bytes, piece, name);
});

test("decode() tells a refusal, a notification and a version", () => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
  assert.equal([decode(Response, bytes("080110003802")).success, decode(Response, bytes("080110003802")).cr_errno], [false, 2]);
  const { notify } = decode(Response, bytes("080610012a110a0c706f73742d726573746f726510ac02"));
  assert.equal([notify?.script, notify?.pid], ["post-restore", 300]);
  assert.equal(decode(Response, bytes("080a1001520608041002200 1".replace(" ", ""))).version, { major_number: 4, minor_number: 2, sublevel: 1 });
});

test.run();
