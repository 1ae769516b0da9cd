/** Namespaces that a container joined by path: the images leave them out, and a restore joins them again. */

import { UnsupportedError } from "../errors.ts";
import { inWords } from "../container/store.ts";
import { findNamespace } from "../linux/namespaces.ts";
import { closeSync, openSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { Config } from "../spec/config.ts";
import type { InheritedDescriptor, JoinedNamespace } from "./generated/rpc.ts";

/** Those that criu has a way to leave alone; it gives them names, and these are runc's. */
const LEFT_ALONE: Readonly<Record<string, string>> = { network: "extRootNetNS", pid: "extRootPidNS" };

/** `net[4026531840]:extRootNetNS` */
export function externalNamespaces(config: Config): string[] {
  return joined(config).flatMap(({ type, path }) => {
    const name = LEFT_ALONE[type];
    if (name === undefined) return [];
    try {
      return [`${fileOf(type)}[${native().stat(path).inode}]:${name}`];
    } catch (error) {
      throw inWords(`find the ${type} namespace "${path}"`, error);
    }
  });
}

export interface RestoredNamespaces {
  /** Descriptors of this process, the first of which becomes `first` in criu, and so on. */
  readonly fds: readonly number[];
  readonly inherited: readonly InheritedDescriptor[];
  readonly joined: readonly JoinedNamespace[];
  close(): void;
}

/** What criu is to join. */
export function openNamespaces(config: Config, { purpose, first }: { readonly purpose: string; readonly first: number }): RestoredNamespaces {
  const fds: number[] = [];
  const inherited: InheritedDescriptor[] = [];
  const others: JoinedNamespace[] = [];
  const close = (): void => fds.forEach((fd) => closeSync(fd));
  try {
    for (const { type, path } of joined(config)) {
      if (type === "cgroup") throw new UnsupportedError(`cannot ${purpose}: criu cannot join a cgroup namespace (/linux/namespaces)`);
      const key = LEFT_ALONE[type];
      if (key === undefined) others.push({ ns: fileOf(type), ns_file: path });
      else inherited.push({ key, fd: first + fds.push(openNamespace(type, path)) - 1 });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { fds, inherited, joined: others, close };
}

function openNamespace(type: string, path: string): number {
  try {
    return openSync(path);
  } catch (error) {
    throw inWords(`open the ${type} namespace "${path}"`, error);
  }
}

function joined({ linux }: Config): { readonly type: string; readonly path: string }[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }) => (path === undefined || path === "" ? [] : [{ type, path }]));
}

function fileOf(type: string): string {
  return findNamespace(type)?.file ?? type;
}
