import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HYBRID, MAPS, configOf, fakeHost, namespaces, opsOf, planOf, shown, stepsAt } from "../../test/plan-cases.ts";
import type { Host } from "../host.ts";
import { ConfigError } from "../errors.ts";
import type { Process } from "../spec/config.ts";
import { planContext } from "./context.ts";
import { planExec } from "./exec.ts";
import { joiningLabels, programLabels } from "./labels.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/labels");

const LABEL = "system_u:system_r:container_t:s0:c4,c5";
const FILES = "system_u:object_r:container_file_t:s0:c4,c5";
const NO_MODULE: Partial<Host> = { hasSecurityModule: () => false };

function withProcess(process: object, host: Partial<Host> = {}): Plan {
  return planOf(configOf({ process }), { host });
}

function withMounts(mounts: readonly object[], config: object = {}, host: Partial<Host> = {}): Plan {
  return planOf(configOf({ mounts, linux: { mountLabel: FILES }, ...config }), { host });
}

function labelled(plan: Plan): string[] {
  return stepsAt(plan, "/linux/mountLabel").map(shown);
}

const AS_OPTION = `fsconfig_string(fd="file system", key="context", value="${FILES}")`;

test("programLabels() asks AppArmor for a profile at the next execve", () => {
  const [step, ...others] = stepsAt(withProcess({ apparmorProfile: "docker-default" }), "/process/apparmorProfile");
  assert.is(shown(step), 'write_proc(proc="proc", path="self/attr/apparmor/exec", data="exec docker-default")');
  assert.equal(others, []);
});

test("programLabels() adds to a profile that the runtime cannot leave once there is no_new_privs", () => {
  const data = (noNewPrivileges: boolean, confined: boolean): string =>
    shown(stepsAt(withProcess({ apparmorProfile: "x", noNewPrivileges }, { isConfined: () => confined }), "/process/apparmorProfile")[0]);
  assert.match(data(true, true), 'data="stack x"');
  for (const [noNewPrivileges, confined] of [[true, false], [false, true], [false, false]] as const) {
    assert.match(data(noNewPrivileges, confined), 'data="exec x"');
  }
});

test("programLabels() lets a confined runtime's container be unconfined, if it asks for that", () => {
  assert.is(stepsAt(withProcess({ apparmorProfile: "unconfined" }), "/process/apparmorProfile").length, 1);
});

test("programLabels() asks SELinux for a label at the next execve, and labels the keyring before it is made", () => {
  const plan = withProcess({ selinuxLabel: LABEL });
  assert.equal(stepsAt(plan, "/process/selinuxLabel").map(shown), [
    'openat2(path="/proc/self/attr/keycreate", flags=1, mode=0, resolve=0, to="attribute")',
    `write(fd="attribute", data="${LABEL}")`,
    `write_proc(proc="proc", path="self/attr/exec", data="${LABEL}")`,
  ]);
  assert.equal(opsOf(plan, "write", "session_keyring", "write_proc"), ["write", "session_keyring", "write_proc"]);
});

test("keyLabel() labels no keyring where none is made", () => {
  const plan = planOf(configOf({ process: { selinuxLabel: LABEL } }), { noNewKeyring: true });
  assert.equal(stepsAt(plan, "/process/selinuxLabel").map(({ op }) => op), ["write_proc"]);
});

test("programLabels() comes after the createContainer hooks, before no_new_privs, and before create ends", () => {
  const hooks = { createContainer: [{ path: "/bin/a" }], startContainer: [{ path: "/bin/b" }] };
  const { steps } = planOf(configOf({ hooks, process: { apparmorProfile: "x", selinuxLabel: LABEL, noNewPrivileges: true } }));
  const order = steps.flatMap((step) => {
    if (step.op === "prctl") return step.option === 38 ? ["no_new_privs"] : [];
    return ["hook", "write_proc", "gate"].includes(step.op) ? [step.op] : [];
  });
  assert.equal(order, ["hook", "write_proc", "write_proc", "no_new_privs", "gate", "hook"]);
});

test("programLabels() goes through the host's /proc where there is no procfs of init's own", () => {
  const options = { id: "box", bundle: "/b", waitForStart: true, noPivot: false, noNewKeyring: false, environment: [] };
  const context = planContext(configOf({ process: { apparmorProfile: "x" } }), fakeHost(), options);
  assert.equal(programLabels(context, undefined).map(shown), [
    'openat2(path="/proc/self/attr/apparmor/exec", flags=1, mode=0, resolve=0, to="attribute")',
    'write(fd="attribute", data="exec x")',
  ]);
});

test("joiningLabels() goes through the host's /proc before a further process joins, and tells of no mounts", () => {
  const config = configOf({ process: { apparmorProfile: "x", selinuxLabel: LABEL }, linux: { mountLabel: FILES } });
  const labels = joiningLabels({ config, host: fakeHost(), noNewKeyring: false });
  const process: Process = { cwd: "/", args: ["sh"] };
  const { steps } = planExec(config, process, fakeHost(), { id: "box", noNewKeyring: false, cgroup: { path: "/box", entries: [], intoCgroup: true }, labels });
  const written = steps.flatMap((step, at) => (step.op === "openat2" && step.path.startsWith("/proc/self/attr/") ? [[step.path.slice(16), at] as const] : []));
  assert.equal(written.map(([name]) => name), ["keycreate", "apparmor/exec", "exec"]);
  assert.ok(written.every(([, at]) => at < steps.findIndex(({ op }) => op === "setns")));
  const { warnings, steps: none } = joiningLabels({ config, host: fakeHost(NO_MODULE), noNewKeyring: false });
  assert.equal([none, warnings.map(({ pointer }) => pointer)], [[], ["/process/apparmorProfile", "/process/selinuxLabel"]]);
});

test("labelWarnings() tells of each field whose module the kernel lacks, and nothing is done for it", () => {
  const config = configOf({
    process: { apparmorProfile: "x", selinuxLabel: LABEL },
    linux: { mountLabel: FILES },
    mounts: [{ destination: "/t", type: "tmpfs" }],
  });
  const plan = planOf(config, { host: NO_MODULE });
  assert.equal(plan.warnings, [
    { pointer: "/process/apparmorProfile", message: '"process.apparmorProfile" "x" is ignored: the kernel has no AppArmor' },
    { pointer: "/process/selinuxLabel", message: `"process.selinuxLabel" "${LABEL}" is ignored: the kernel has no SELinux` },
    { pointer: "/linux/mountLabel", message: `"linux.mountLabel" "${FILES}" is ignored: the kernel has no SELinux` },
  ]);
  assert.equal(plan.steps.filter(({ at }) => plan.warnings.some(({ pointer }) => pointer === at)), []);
});

test("labelWarnings() says nothing of empty fields, nor of a program that is to be unconfined", () => {
  const plan = planOf(configOf({ process: { apparmorProfile: "unconfined", selinuxLabel: "" }, linux: { mountLabel: "" } }), { host: NO_MODULE });
  assert.equal(plan.warnings, []);
});

test("a config without labels asks the host for no module", () => {
  const asked: string[] = [];
  const host: Partial<Host> = {
    hasSecurityModule: (module) => {
      asked.push(module);
      return true;
    },
  };
  planOf(configOf({ mounts: [{ destination: "/t", type: "tmpfs" }], linux: { maskedPaths: ["/proc/kcore"] } }), { host });
  assert.equal(asked, []);
});

for (const type of ["tmpfs", "devpts", "ext4"]) {
  test(`mountLabel() is an option of ${type}`, () => {
    assert.equal(labelled(withMounts([{ destination: "/t", type, source: "s" }])), [AS_OPTION]);
  });
}

for (const type of ["proc", "sysfs", "cgroup2"]) {
  test(`mountLabel() leaves ${type} alone`, () => {
    assert.equal(labelled(withMounts([{ destination: "/t", type, source: "s" }])), []);
  });
}

test("mountLabel() leaves bind mounts and changes of mounts alone", () => {
  const mounts = [{ destination: "/b", source: "/b", options: ["bind"] }, { destination: "/b", type: "tmpfs", options: ["remount", "ro"] }];
  assert.equal(labelled(withMounts(mounts)), []);
});

test("mountLabel() is an attribute of mqueue's root, which takes no such option", () => {
  assert.equal(labelled(withMounts([{ destination: "/dev/mqueue", type: "mqueue", source: "mqueue" }])), [
    `fsetxattr(fd="mount", name="security.selinux", value="${FILES}")`,
  ]);
});

test("mountLabel() is on the tmpfs that holds v1 cgroups, and on what covers masked paths", () => {
  const cgroup = withMounts([{ destination: "/sys/fs/cgroup", type: "cgroup" }], {}, { cgroups: () => HYBRID });
  assert.equal(labelled(cgroup), [AS_OPTION]);
  assert.equal(labelled(planOf(configOf({ linux: { mountLabel: FILES, maskedPaths: ["/proc/kcore"] } }))), [AS_OPTION]);
});

test("mountLabel() gives way to a label that the mount has of its own", () => {
  assert.equal(labelled(withMounts([{ destination: "/t", type: "tmpfs", options: ['context="a:b:c:s0"'] }])), []);
  assert.is(labelled(withMounts([{ destination: "/t", type: "tmpfs", options: ['rootcontext="a:b:c:s0"'] }])).length, 1);
});

test("mountLabel() is quoted for mount(2) where fsconfig(2) cannot say an option, or the label", () => {
  const old = (plan: Plan): string => shown(stepsAt(plan, "/mounts/0").find(({ op }) => op === "mount_at"));
  const mount = { destination: "/t", type: "tmpfs", options: ["mode=755", "silent"] };
  assert.match(old(withMounts([mount])), `data=${JSON.stringify(`mode=755,context="${FILES}"`)}`);
  const long = `u:r:t:s0:${Array.from({ length: 80 }, (_, category) => `c${category}`).join(",")}`;
  const plan = planOf(configOf({ mounts: [{ destination: "/t", type: "tmpfs" }], linux: { mountLabel: long } }));
  assert.match(old(plan), `data=${JSON.stringify(`context="${long}"`)}`);
});

for (const type of ["fscontext", "defcontext", "rootcontext"]) {
  test(`mountLabel() is the ${type} where an annotation says so`, () => {
    const annotations = { "run.oci.mount_context_type": type };
    assert.equal(labelled(withMounts([{ destination: "/t", type: "tmpfs" }], { annotations })), [AS_OPTION.replace('"context"', `"${type}"`)]);
  });
}

test("mountLabel() refuses an annotation that names no kind of label", () => {
  const annotations = { "run.oci.mount_context_type": "nocontext" };
  assert.throws(() => withMounts([], { annotations }), (error: unknown) => error instanceof ConfigError && /must be one of "context"/.test(error.message));
});

test("labels need no privilege of the host: in a user namespace they are init's own, too", () => {
  const linux = { namespaces: namespaces("mount", "user", "pid"), ...MAPS, mountLabel: FILES };
  const plan = planOf(configOf({ process: { apparmorProfile: "x", selinuxLabel: LABEL }, linux }));
  assert.equal(opsOf(plan, "write_proc", "unshare"), ["unshare", "write_proc", "write_proc"]);
});

test.run();
