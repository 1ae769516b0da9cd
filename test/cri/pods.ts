/** Pods and containers of a node, by the calls that a kubelet makes. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { until } from "../engine.ts";
import { RUN_NAME } from "../harness.ts";
import { IMAGE } from "../image.ts";
import type { Node } from "./node.ts";

/** A part of a message of test/cri/runtime.proto. */
export type Part = Readonly<Record<string, unknown>>;

export interface PodOptions {
  readonly hostname?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly namespaces?: Part;
  /** `LinuxSandboxSecurityContext`. */
  readonly security?: Part;
  readonly dns?: Part;
  readonly ports?: readonly { readonly container_port: number; readonly host_port: number }[];
}

export interface ContainerOptions {
  readonly security?: Part;
  readonly resources?: Part;
  /** Other fields of `ContainerConfig`. */
  readonly config?: Part;
}

export interface Status {
  readonly state: string;
  readonly created_at: number;
  readonly started_at: number;
  readonly finished_at: number;
  readonly exit_code: number;
  readonly reason: string;
  readonly message: string;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

let count = 0;

/** The last line of a script's output. */
const END = "end-of-output";

/** The namespaces of a pod whose containers each have their own processes, which is what Kubernetes does unless told otherwise. */
const NAMESPACES: Part = { pid: "CONTAINER" };

export class Pod {
  readonly id: string;
  readonly node: Node;
  readonly handler: string;
  readonly config: Part;
  readonly logs: string;
  readonly #namespaces: Part;
  #isRemoved = false;

  private constructor(node: Node, facts: { readonly id: string; readonly handler: string; readonly config: Part; readonly logs: string; readonly namespaces: Part }) {
    this.node = node;
    this.id = facts.id;
    this.handler = facts.handler;
    this.config = facts.config;
    this.logs = facts.logs;
    this.#namespaces = facts.namespaces;
  }

  static async run(node: Node, handler: string, options: PodOptions = {}): Promise<Pod> {
    const uid = `pod-${count++}`;
    const logs = join(node.folder, "logs", uid);
    const namespaces = { ...NAMESPACES, ...options.namespaces };
    const config = {
      metadata: { name: uid, uid, namespace: "default", attempt: 0 },
      hostname: options.hostname ?? uid,
      log_directory: logs,
      ...(options.dns === undefined ? {} : { dns_config: options.dns }),
      port_mappings: options.ports ?? [],
      labels: { pod: uid },
      annotations: options.annotations ?? {},
      linux: { cgroup_parent: `/${RUN_NAME}`, security_context: { namespace_options: namespaces, ...options.security }, sysctls: options.sysctls ?? {} },
    };
    const { pod_sandbox_id: id } = await node.call<{ pod_sandbox_id: string }>("RunPodSandbox", { config, runtime_handler: handler });
    return new Pod(node, { id, handler, config, logs, namespaces });
  }

  /** A created container with this program. */
  async create(command: readonly string[], { security = {}, resources = {}, config = {} }: ContainerOptions = {}): Promise<Container> {
    const name = `container-${count++}`;
    const log = `${name}.log`;
    const security_context = { namespace_options: this.#namespaces, ...security };
    const request = {
      pod_sandbox_id: this.id,
      config: { metadata: { name }, image: { image: IMAGE }, command, log_path: log, linux: { resources, security_context }, ...config },
      sandbox_config: this.config,
    };
    const { container_id: id } = await this.node.call<{ container_id: string }>("CreateContainer", request);
    return new Container(this.node, id, join(this.logs, log));
  }

  async start(command: readonly string[] = ["/bin/sleep", "1000000"], options: ContainerOptions = {}): Promise<Container> {
    const container = await this.create(command, options);
    await container.start();
    return container;
  }

  /** Runs a shell script in a container until its end. */
  async script(script: string, options: ContainerOptions = {}): Promise<Output> {
    const container = await this.start(["/bin/sh", "-c", `trap 'echo ${END}; echo ${END} >&2' EXIT\n${script}`], options);
    const { exit_code: status } = await container.ended();
    // The log may come later.
    const isWhole = (): boolean => Object.values(container.output()).every((text) => text.endsWith(`${END}\n`));
    await until(isWhole, () => "the output does not come");
    const { stdout, stderr } = container.output();
    return { stdout: stdout.slice(0, -END.length - 1), stderr: stderr.slice(0, -END.length - 1), status };
  }

  async status(): Promise<{ readonly state: string; readonly network: { readonly ip: string } | null; readonly runtime_handler: string }> {
    const { status } = await this.node.call<{ status: { state: string; network: { ip: string } | null; runtime_handler: string } }>("PodSandboxStatus", { pod_sandbox_id: this.id });
    return status;
  }

  async stop(): Promise<void> {
    await this.node.call("StopPodSandbox", { pod_sandbox_id: this.id });
  }

  /** Once; stops it, too, and its containers. */
  async remove(): Promise<void> {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    await this.stop();
    await this.node.call("RemovePodSandbox", { pod_sandbox_id: this.id });
  }
}

export class Container {
  readonly id: string;
  readonly node: Node;
  readonly logPath: string;

  constructor(node: Node, id: string, logPath: string) {
    this.node = node;
    this.id = id;
    this.logPath = logPath;
  }

  async start(): Promise<void> {
    await this.node.call("StartContainer", { container_id: this.id });
  }

  /** Runs a program in it; `timeout` in seconds. */
  async exec(cmd: readonly string[], timeout = 0): Promise<Output> {
    const answer = await this.node.call<{ stdout: Uint8Array; stderr: Uint8Array; exit_code: number }>("ExecSync", { container_id: this.id, cmd, timeout });
    const [stdout, stderr] = [answer.stdout, answer.stderr].map((bytes) => Buffer.from(bytes).toString());
    return { stdout: stdout ?? "", stderr: stderr ?? "", status: answer.exit_code };
  }

  /** What a shell script prints in it. */
  async print(script: string): Promise<string> {
    const { stdout, stderr, status } = await this.exec(["/bin/sh", "-c", script]);
    assert.is(status, 0, stderr);
    return stdout.trim();
  }

  async status(): Promise<Status> {
    return (await this.node.call<{ status: Status }>("ContainerStatus", { container_id: this.id })).status;
  }

  async pid(): Promise<number> {
    const { info } = await this.node.call<{ info: { info: string } }>("ContainerStatus", { container_id: this.id, verbose: true });
    return (JSON.parse(info.info) as { pid: number }).pid;
  }

  async ended(): Promise<Status> {
    await until(async () => (await this.status()).state === "CONTAINER_EXITED", () => "the container does not end");
    return this.status();
  }

  /** With so many seconds for its SIGTERM. */
  async stop(timeout: number): Promise<void> {
    await this.node.call("StopContainer", { container_id: this.id, timeout });
  }

  async remove(): Promise<void> {
    await this.node.call("RemoveContainer", { container_id: this.id });
  }

  /** The lines of its log: time, stream, whether the line is whole, text. */
  log(): { readonly time: string; readonly stream: string; readonly tag: string; readonly text: string }[] {
    const lines = fs.readFileSync(this.logPath, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => {
      const [, time = "", stream = "", tag = "", text = ""] = /^(\S+) (stdout|stderr) (F|P) (.*)$/.exec(line) ?? [];
      return { time, stream, tag, text };
    });
  }

  /** What it has written so far, as its log has it. */
  output(): { readonly stdout: string; readonly stderr: string } {
    if (!fs.existsSync(this.logPath)) return { stdout: "", stderr: "" };
    const of = (wanted: string): string => this.log().map(({ stream, tag, text }) => (stream === wanted ? text + (tag === "F" ? "\n" : "") : "")).join("");
    return { stdout: of("stdout"), stderr: of("stderr") };
  }
}
