/** `tsrun explain`. */

import { basename } from "node:path";
import { readBundle, realBundle } from "../container/create.ts";
import { probeHost } from "../container/probe.ts";
import { withPlaces } from "../container/telling.ts";
import { tellWarnings } from "../container/warnings.ts";
import type { Host } from "../host.ts";
import { UsageError } from "../errors.ts";
import { explainJson, explainText } from "../plan/explain.ts";
import type { PlanOptions } from "../plan/context.ts";
import { plan } from "../plan/plan.ts";
import type { Config } from "../spec/config.ts";
import type { Invocation } from "./invocation.ts";
import { flag, text } from "./parse.ts";
import { print } from "./output.ts";

/** Without a user namespace only root can make the container: the plan is root's then, whoever reads it. */
function hostFor({ linux }: Config): Host {
  const host = probeHost();
  const isForAnybody = (linux?.namespaces ?? []).some(({ type }) => type === "user");
  return isForAnybody ? host : { ...host, uid: 0, gid: 0 };
}

export function explainVerb({ parsed, path, environment, warn, systemdCgroup }: Invocation): number {
  const format = text(parsed, "format") ?? "text";
  if (format !== "text" && format !== "json") throw new UsageError(`cannot explain: invalid format option: ${format}`);
  const bundle = realBundle(path(text(parsed, "bundle") ?? "."));
  const { config, bytes } = readBundle(bundle);
  const options: PlanOptions = {
    id: parsed.args[0] ?? basename(bundle),
    bundle,
    waitForStart: true,
    noPivot: flag(parsed, "no-pivot"),
    noNewKeyring: flag(parsed, "no-new-keyring"),
    systemdCgroup,
    environment,
  };
  const planned = withPlaces(bytes, () => plan(config, hostFor(config), options));
  tellWarnings(planned.warnings, bytes, warn);
  print(format === "json" ? explainJson(planned) : explainText(planned));
  return 0;
}
