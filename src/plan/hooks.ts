/** Hooks: when each kind runs, by whom, and what it is told (config.md#posix-platform-hooks). */

import type { Hook, HookPoint } from "../spec/config.ts";
import { OCI_VERSION } from "../spec/default-config.ts";
import type { PlanContext } from "./context.ts";
import { DEFAULT_UMASK } from "./identity.ts";
import { init, runtime } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

/** The runtime's hooks run while init waits: its namespaces and mounts exist, its root is not switched yet. */
export function runtimeHooks({ config }: PlanContext): Step[] {
  if (config.hooks === undefined) return [];
  const points = ["prestart", "createRuntime"] as const;
  const steps = points.flatMap((point) =>
    (config.hooks?.[point] ?? []).map((hook, index) =>
      runtime({ op: "run_hook", point, index, at: `/hooks/${point}/${index}`, what: whatOf(hook, point) }),
    ),
  );
  if (steps.length === 0) return [];
  const gate: InitOp = { op: "gate", name: "runtime-hooks", count: 0 };
  return [...init([gate], { at: "/hooks", what: "wait for the runtime's hooks" }), ...steps];
}

/** In the container's namespaces, with the root still that of the host. */
export function containerHooks(context: PlanContext): Step[] {
  const hooks = context.config.hooks?.createContainer ?? [];
  if (hooks.length === 0) return [];
  const enter = init([{ op: "fchdir", fd: "rootfs" }], { at: "/hooks/createContainer", what: "enter the root for the hooks" });
  return [
    ...umask(DEFAULT_UMASK, "let the hooks make no files that anybody may write"),
    ...enter,
    ...hooks.flatMap((hook, index) => containerHook(context, "createContainer", { hook, index })),
    ...umask(0, "clear the umask"),
  ];
}

function umask(mask: number, what: string): Step[] {
  return init([{ op: "umask", mask }], { at: "/hooks/createContainer", what });
}

/** Under `start`, before the program, in the container and under its filter. */
export function startHooks(context: PlanContext): Step[] {
  const hooks = context.config.hooks?.startContainer;
  if (hooks === undefined) return [];
  return hooks.flatMap((hook, index) => containerHook(context, "startContainer", { hook, index }));
}

function containerHook(
  context: PlanContext,
  point: "createContainer" | "startContainer",
  { hook, index }: { readonly hook: Hook; readonly index: number },
): Step[] {
  const inherited = point === "startContainer" ? (context.config.process?.env ?? []) : context.environment;
  const { args, env = inherited, path, timeout = 0 } = hook;
  const [before, after] = hookState(context);
  const op: InitOp = { op: "hook", path, args: args ?? [path], env, before, after, timeout };
  return init([op], { at: `/hooks/${point}/${index}`, what: whatOf(hook, point) });
}

/** The state that a hook inside the container reads; init fills its own pid in, as the container sees it. */
function hookState({ config, id, bundle }: PlanContext): [before: string, after: string] {
  const head = JSON.stringify({ ociVersion: OCI_VERSION, id, status: "created" });
  const tail = JSON.stringify({ bundle, ...(config.annotations === undefined ? {} : { annotations: config.annotations }) });
  return [`${head.slice(0, -1)},"pid":`, `,${tail.slice(1)}`];
}

function whatOf({ path }: Hook, point: HookPoint): string {
  return `run the ${point} hook "${path}"`;
}
