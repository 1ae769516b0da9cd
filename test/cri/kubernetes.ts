/** Tests of a node with Kubernetes' calls: each with containerd's own shim and runc, which shows that it is right, and with our shim. */

import { RELEASES, nothingLeft, until } from "../engine.ts";
import type { Release } from "../engine.ts";
import { RUN_NAME, needs, suite } from "../harness.ts";
import type { Ground } from "../harness.ts";
import { findStrays } from "../strays.ts";
import { Node } from "./node.ts";
import { Pod } from "./pods.ts";
import type { PodOptions } from "./pods.ts";

/** The names in containerd's configuration, which a RuntimeClass has as its handler. */
const HANDLERS: readonly string[] = ["runc", "tsrun"];

export interface Driven {
  readonly t: Ground;
  readonly node: Node;
  readonly handler: string;
  /** Runs a pod, which is removed when the test ends; `handler` is another one than the test's. */
  pod(options?: PodOptions, handler?: string): Promise<Pod>;
}

export interface KubernetesSuite {
  (title: string, body: (driven: Driven) => Promise<void>): void;
  run(): void;
}

/** All tests of a file have one node of each release, as its start takes longer than most of them. */
export function kubernetes(name: string, handlers: readonly string[] = HANDLERS): KubernetesSuite {
  const inner = suite(name);
  const nodes = new Map<Release, Promise<Node>>();
  const start = (release: Release): Promise<Node> => {
    needs("root", "unshare", "nsenter");
    const node = nodes.get(release) ?? Node.start(release);
    nodes.set(release, node);
    return node;
  };
  const add = (title: string, body: (driven: Driven) => Promise<void>): void => {
    for (const release of RELEASES) {
      for (const handler of handlers) inner(`${release} containerd, ${handler}: ${title}`, async (t) => runTest(t, { node: await start(release), handler, body }));
    }
  };
  const run = (): void => {
    inner("nothing is left of the nodes", async (t) => {
      needs("root");
      for (const node of await Promise.allSettled(nodes.values())) if (node.status === "fulfilled") await node.value.end();
      await nothingLeft(t, { cgroups: new RegExp(`/${RUN_NAME}$`) });
    });
    inner.run();
  };
  return Object.assign(add, { run });
}

async function runTest(t: Ground, { node, handler, body }: { readonly node: Node; readonly handler: string; readonly body: (driven: Driven) => Promise<void> }): Promise<void> {
  const pods: Pod[] = [];
  const pod = async (options?: PodOptions, other = handler): Promise<Pod> => {
    const made = await Pod.run(node, other, options);
    pods.push(made);
    return made;
  };
  const remove = async (): Promise<void> => {
    for (const made of pods) await made.remove();
  };
  try {
    await body({ t, node, handler, pod });
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
  await remove();
  await until(() => left(node).length === 0, () => `left: ${left(node).join(", ")}`);
}

/** What containers leave: not the node itself. */
function left(node: Node): string[] {
  const cgroups = findStrays(RUN_NAME).filter(({ kind, what }) => kind === "cgroup" && !what.endsWith(`/${RUN_NAME}`));
  return [...cgroups.map(({ kind, what }) => `${kind} ${what}`), ...node.shims().map((pid) => `shim ${pid}`)];
}
