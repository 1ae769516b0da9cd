/** `--version`, in the form of runc's, which engines parse. */

import { native } from "../native/native.ts";
import { OCI_VERSION } from "../spec/default-config.ts";
import metadata from "../../package.json" with { type: "json" };
import { print } from "./output.ts";

/** The build puts it in; what runs from its sources has none. */
declare const TSRUN_COMMIT: string | undefined;

export function printVersion(): number {
  const engine = process.versions["bun"] === undefined ? `node: ${process.versions.node}` : `bun: ${process.versions["bun"]}`;
  const commit = typeof TSRUN_COMMIT === "string" ? [`commit: ${TSRUN_COMMIT}`] : [];
  const lines = [`tsrun version ${metadata.version}`, ...commit, `spec: ${OCI_VERSION}`, engine, `libseccomp: ${native().seccompLibrary()}`];
  print(`${lines.join("\n")}\n`);
  return 0;
}
