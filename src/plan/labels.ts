/** AppArmor profiles and SELinux labels: of the program, its keyring and the file systems (config.md#linux-process). */

import { ConfigError } from "../errors.ts";
import type { Problem } from "../errors.ts";
import type { Host, SecurityModule } from "../host.ts";
import { O_WRONLY } from "../linux/open-flags.ts";
import type { Config } from "../spec/config.ts";
import type { PlanContext } from "./context.ts";
import { init } from "./step.ts";
import type { Fd, InitOp, Step } from "./step.ts";

/** The label of file systems as an option of theirs (mount(8), "context="). */
export interface FileSystemLabel {
  readonly key: string;
  readonly value: string;
}

interface Labels {
  readonly config: Config;
  readonly host: Pick<Host, "hasSecurityModule" | "isConfined">;
}

/** What is done for the labels of a further process, which mounts nothing. */
export interface ProgramLabelPlan {
  readonly steps: readonly Step[];
  readonly warnings: readonly Problem[];
}

interface Row {
  readonly module: SecurityModule;
  readonly name: string;
  readonly pointer: string;
  readonly value: (config: Config) => string | undefined;
}

const APPARMOR: Row = { module: "apparmor", name: "AppArmor", pointer: "/process/apparmorProfile", value: ({ process }) => process?.apparmorProfile };
const SELINUX: Row = { module: "selinux", name: "SELinux", pointer: "/process/selinuxLabel", value: ({ process }) => process?.selinuxLabel };
const MOUNTS: Row = { module: "selinux", name: "SELinux", pointer: "/linux/mountLabel", value: ({ linux }) => linux?.mountLabel };

/** What nobody can do where the kernel lacks the module is a warning; a container of such an engine still runs. */
export function labelWarnings(context: Labels): Problem[] {
  return warningsOf([APPARMOR, SELINUX, MOUNTS], context);
}

/** For a further process, before it joins the container: the host's own /proc is trusted, and the labels stay with it. */
export function joiningLabels(context: Labels & Pick<PlanContext, "noNewKeyring">): ProgramLabelPlan {
  const steps = [...keyLabel(context), ...programLabels(context, undefined)];
  return { steps, warnings: warningsOf([APPARMOR, SELINUX], context) };
}

function warningsOf(rows: readonly Row[], { config, host }: Labels): Problem[] {
  const warnings: Problem[] = [];
  for (const { module, name, pointer, value } of rows) {
    const asked = value(config) ?? "";
    if (asked === "" || asked === "unconfined" || host.hasSecurityModule(module)) continue;
    const field = pointer.slice(1).replace("/", ".");
    warnings.push({ pointer, message: `"${field}" ${JSON.stringify(asked)} is ignored: the kernel has no ${name}` });
  }
  return warnings;
}

/**
 * The labels that the program gets with its execve; hooks of the container that are executed after this get them, too.
 * Before no_new_privs, which would forbid most changes. `proc` is a procfs of init's own; without one it is the host's.
 */
export function programLabels({ config, host }: Labels, proc: Fd | undefined): Step[] {
  const steps: Step[] = [];
  const profile = effective(APPARMOR, { config, host });
  if (profile !== undefined) {
    // Who is confined may only add to that once it has no_new_privs (aa_stack_profile(3)).
    const verb = config.process?.noNewPrivileges === true && host.isConfined() ? "stack" : "exec";
    const reason = { at: APPARMOR.pointer, what: `apply the AppArmor profile "${profile}"` };
    steps.push(...init(writeAttribute("apparmor/exec", `${verb} ${profile}`, proc), reason));
  }
  const label = effective(SELINUX, { config, host });
  if (label !== undefined) {
    const reason = { at: SELINUX.pointer, what: `apply the SELinux label "${label}"` };
    steps.push(...init(writeAttribute("exec", label, proc), reason));
  }
  return steps;
}

/** The label of keys that init makes, of which there is one: the session keyring. execve takes it back. */
export function keyLabel({ config, host, noNewKeyring }: Labels & Pick<PlanContext, "noNewKeyring">): Step[] {
  const label = effective(SELINUX, { config, host });
  if (label === undefined || noNewKeyring) return [];
  // The host's own /proc, which is trusted, before there is anything of the container.
  return init(writeAttribute("keycreate", label, undefined), { at: SELINUX.pointer, what: `give the keyring the SELinux label "${label}"` });
}

/** How file systems of the container's own are labelled; undefined where there is nothing to do. */
export function mountLabel({ config, host }: Labels): FileSystemLabel | undefined {
  const value = effective(MOUNTS, { config, host });
  return value === undefined ? undefined : { key: contextType(config), value };
}

/** Labels what is being configured. */
export function fileSystemLabel(label: FileSystemLabel | undefined): InitOp[] {
  return label === undefined ? [] : [{ op: "fsconfig_string", fd: "file system", ...label, ...labelReason(label) }];
}

/** Labels the root of a mount. */
export function rootLabel(label: FileSystemLabel, fd: Fd): InitOp {
  return { op: "fsetxattr", fd, name: "security.selinux", value: label.value, ...labelReason(label) };
}

/** It is not the mount that is at fault when its label is refused. */
function labelReason({ value }: FileSystemLabel): { readonly at: string; readonly what: string } {
  return { at: MOUNTS.pointer, what: `give a file system the SELinux label "${value}"` };
}

/** As crun has it, for podman: which of SELinux's options of a mount takes the label. */
export const CONTEXT_TYPE = "run.oci.mount_context_type";
const CONTEXT_TYPES = ["context", "fscontext", "defcontext", "rootcontext"];

function contextType({ annotations = {} }: Config): string {
  const type = annotations[CONTEXT_TYPE] ?? "context";
  if (CONTEXT_TYPES.includes(type)) return type;
  const message = `must be one of ${CONTEXT_TYPES.map((name) => `"${name}"`).join(", ")}, got ${JSON.stringify(type)}`;
  throw new ConfigError("config.json", [{ pointer: `/annotations/${CONTEXT_TYPE}`, message }]);
}

function effective({ module, value }: Row, { config, host }: Labels): string | undefined {
  const asked = value(config) ?? "";
  return asked !== "" && host.hasSecurityModule(module) ? asked : undefined;
}

/** An attribute of init's own (proc_pid_attr(5)). */
function writeAttribute(name: string, data: string, proc: Fd | undefined): InitOp[] {
  if (proc !== undefined) return [{ op: "write_proc", proc, path: `self/attr/${name}`, data }];
  return [
    { op: "openat2", path: `/proc/self/attr/${name}`, flags: O_WRONLY, mode: 0, resolve: 0, to: "attribute" },
    { op: "write", fd: "attribute", data },
  ];
}
