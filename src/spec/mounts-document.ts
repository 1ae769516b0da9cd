/** Mounts as a document of their own: what config.json has under `mounts`, for a container that is there. */

import { ConfigError } from "../errors.ts";
import type { Problem } from "../errors.ts";
import { formatJson } from "../linux/json.ts";
import type { Config, Mount } from "./config.ts";
import { readDocument } from "./document.ts";
import { parsePart } from "./part.ts";
import { placesOf } from "./positions.ts";

interface Source {
  readonly text: string;
  /** Its name, for errors. */
  readonly file: string;
}

/** What can only be mounted before there is a container. */
const REFUSED_TYPES: Readonly<Record<string, string>> = {
  // A procfs shows the pid namespace of who mounts it, and nobody with the host's rights enters that one.
  proc: "a procfs cannot be added to a container that is there",
  cgroup: "cgroups cannot be shown to a container that is there",
};

/** Mounts that are to be added: valid in the container's config, and such as can come later. */
export function parseAddedMounts(source: Source, { linux }: Config): readonly Mount[] {
  const { namespaces, uidMappings, gidMappings } = linux ?? {};
  const around = formatJson({ ociVersion: "1.3.0", root: { path: "rootfs" }, linux: { namespaces, uidMappings, gidMappings } });
  const part = { base: "/mounts", before: `${around.slice(0, -1)},"mounts":`, after: "}" };
  const mounts = parsePart(source.text, source.file, part).mounts ?? [];
  const problems: Problem[] = [];
  for (const [index, { type = "", destination, options = [] }] of mounts.entries()) {
    const isNew = !options.includes("bind") && !options.includes("rbind") && !options.includes("remount");
    const refused = isNew && Object.hasOwn(REFUSED_TYPES, type) ? REFUSED_TYPES[type] : undefined;
    if (refused !== undefined) problems.push({ pointer: `/${index}/type`, message: refused });
    if (isRoot(destination)) problems.push({ pointer: `/${index}/destination`, message: "must not be the container's root" });
  }
  if (problems.length > 0) throw failure(source, problems);
  return mounts;
}

/** The destinations of mounts that are to be taken away; what else a mount says does not matter. */
export function parseDestinations(source: Source): readonly string[] {
  const { tree } = readDocument(source.text, source.file, false);
  if (!Array.isArray(tree)) throw failure(source, [{ pointer: "", message: "must be an array of mounts" }]);
  const destinations: string[] = [];
  const problems: Problem[] = [];
  for (const [index, mount] of (tree as readonly unknown[]).entries()) {
    const destination = typeof mount === "object" && mount !== null && "destination" in mount ? mount.destination : undefined;
    if (typeof destination === "string" && destination !== "" && !isRoot(destination)) destinations.push(destination);
    else if (typeof destination === "string") problems.push({ pointer: `/${index}/destination`, message: "must not be the container's root" });
    else problems.push({ pointer: `/${index}`, message: '"destination" is required, a path in the container' });
  }
  if (problems.length > 0) throw failure(source, problems);
  return destinations;
}

function failure({ text, file }: Source, problems: readonly Problem[]): ConfigError {
  const places = placesOf(text, problems.map(({ pointer }) => pointer));
  return new ConfigError(file, problems.map((problem, index) => ({ ...places[index], ...problem })));
}

/** "/", however it is written. */
function isRoot(destination: string): boolean {
  const parts: string[] = [];
  for (const part of destination.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.length === 0;
}
