/** docker build: tsrun in BuildKit's place for runc, and under the older builder, whose steps are containers like others. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Docker, KNOWN, RUNTIMES } from "./docker.ts";
import { must, nothingLeft, programOf, until } from "./engine.ts";
import { RUN_NAME, suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { NEIGHBOUR_ADDRESS } from "./private-network.ts";
import { RUNTIME } from "./runtime.ts";
import type { Result } from "./runtime.ts";
import { findStrays } from "./strays.ts";

const test = suite("docker-build");

interface Builder {
  readonly docker: Docker;
  /** Whether the steps are run by tsrun. */
  readonly isOurs: boolean;
  /** Writes a Dockerfile into a folder that has a file called `file`, and returns the folder. */
  write(dockerfile: string): string;
  /** Builds it, and names the image `built`. */
  build(dockerfile: string, options?: readonly string[]): Promise<Result>;
}

/** Adds a test with each runtime that builders execute: it is BuildKit's, and the default one, which the older builder takes. */
function driven(builders: readonly ("buildkit" | "legacy")[], title: string, body: (builder: Builder) => Promise<void>): void {
  for (const name of builders) {
    for (const [runtimeName, runtime] of Object.entries(RUNTIMES)) {
      // BuildKit executes a program of runc's command line.
      if (name === "buildkit" && runtimeName === "shim") continue;
      test(`${name}, ${runtimeName}: ${title}`, async (t) => {
        const env = { DOCKER_BUILDKIT_RUNC_COMMAND: runtimeName === "runc" ? programOf("sid", "runc") : RUNTIME };
        await Docker.within(t, { runtime, isDefault: true, hasBridge: true, env }, (docker) => body(builderOf(docker, { name, isOurs: runtimeName !== "runc" })));
        await nothingLeft(t, KNOWN);
      });
    }
  }
}

function builderOf(docker: Docker, { name, isOurs }: { readonly name: "buildkit" | "legacy"; readonly isOurs: boolean }): Builder {
  const context = join(docker.folder, "context");
  fs.mkdirSync(context);
  fs.writeFileSync(join(context, "file"), "from the context\n");
  const env = { DOCKER_BUILDKIT: name === "buildkit" ? "1" : "0", BUILDKIT_PROGRESS: "plain" };
  const write = (dockerfile: string): string => {
    fs.writeFileSync(join(context, "Dockerfile"), dockerfile);
    return context;
  };
  return { docker, isOurs, write, build: (dockerfile, options = []) => docker.docker(["build", "--tag", "built", ...options, write(dockerfile)], { env }) };
}

driven(["buildkit", "legacy"], "stages, users, settings, files, and the network", async ({ docker, build }) => {
  const dockerfile = `FROM ${IMAGE} AS first
ARG GREETING=none
ENV GREETING=$GREETING
WORKDIR /work
COPY file .
RUN echo "$GREETING, file $(cat file)" > made && chown 1000:1001 /work
USER 1000:1001
RUN id -u > ids && id -g >> ids && umask >> ids
FROM ${IMAGE}
COPY --from=first /work /work
RUN ["/bin/sh", "-c", "rm /work/file; cat /proc/self/cgroup > /work/cgroup"]
CMD ["cat", "/work/made", "/work/ids"]
`;
  await must(build(dockerfile, ["--build-arg", "GREETING=hello", "--network", "none"]));
  assert.is(await must(docker.run(["--rm", "built"])), "hello, file from the context\n1000\n1001\n0022");
  assert.is(await must(docker.run(["--rm", "built", "ls", "/work"])), "cgroup\nids\nmade");
  docker.network.spawn("neighbour", ["busybox", "httpd", "-f", "-p", `${NEIGHBOUR_ADDRESS}:80`, "-h", docker.folder]);
  fs.writeFileSync(join(docker.folder, "page"), "from the neighbour\n");
  const fetch = `until wget -q -O /page http://${NEIGHBOUR_ADDRESS}/page; do sleep 0.1; done; cat /page /etc/hosts`;
  const { status, stdout, stderr } = await build(`FROM ${IMAGE}\nRUN ${fetch}\n`, ["--add-host", "friend:203.0.113.7"]);
  assert.is(status, 0, stderr);
  assert.match(stdout + stderr, /from the neighbour/);
  assert.match(stdout + stderr, /203\.0\.113\.7\s+friend/);
});

driven(["buildkit", "legacy"], "a step that fails tells its status, and one with a wrong program why", async ({ build, isOurs }) => {
  const failed = await build(`FROM ${IMAGE}\nRUN echo last words; exit 7\n`);
  assert.is.not(failed.status, 0);
  assert.match(failed.stdout + failed.stderr, /last words/);
  assert.match(failed.stdout + failed.stderr, /exit code: 7|non-zero code: 7/);
  const missing = await build(`FROM ${IMAGE}\nRUN ["none"]\n`);
  assert.match(missing.stdout + missing.stderr, /none.*executable file not found in \$PATH/);
  // So the test sees who ran it.
  assert.is(/cannot execute "none"/.test(missing.stdout + missing.stderr), isOurs);
});

driven(["buildkit"], "mounts of a stage, a cache, a secret, and in memory; stages side by side; limits", async ({ docker, build }) => {
  fs.writeFileSync(join(docker.folder, "secret"), "hushed\n");
  const dockerfile = `FROM ${IMAGE} AS first
RUN echo staged > /staged
FROM ${IMAGE}
RUN --mount=type=cache,target=/cache echo kept >> /cache/file
RUN --network=none --mount=type=cache,target=/cache --mount=type=tmpfs,target=/memory,size=1m \\
    --mount=type=bind,from=first,source=/staged,target=/staged --mount=type=secret,id=word,mode=0400 \\
    cat /cache/file /staged /run/secrets/word > /seen; touch /staged 2>/dev/null || echo read-only >> /seen; \\
    touch /memory/file && grep -c " /memory tmpfs " /proc/mounts >> /seen; ls /sys/class/net >> /seen
CMD ["sh", "-c", "cat /seen; ls /cache /memory /run/secrets 2>/dev/null; true"]
`;
  await must(build(dockerfile, ["--secret", `id=word,src=${join(docker.folder, "secret")}`]));
  assert.is(await must(docker.run(["--rm", "built"])), ["kept", "staged", "hushed", "read-only", "1", "lo"].join("\n"));
  const numbers = [1, 2, 3, 4];
  const stages = numbers.map((number) => `FROM ${IMAGE} AS stage${number}\nRUN echo ${number} > /number && ulimit -n > /limit\n`);
  const copies = numbers.map((number) => `COPY --from=stage${number} /number /numbers/${number}\n`);
  await must(build(`${stages.join("")}FROM ${IMAGE}\n${copies.join("")}COPY --from=stage1 /limit /limit\n`, ["--ulimit", "nofile=100:200"]));
  assert.is(await must(docker.run(["--rm", "built", "sh", "-c", "cat /numbers/* /limit"])), "1\n2\n3\n4\n100");
});

driven(["buildkit"], "a build that is called off leaves no process", async ({ docker, write }) => {
  const terminal = docker.onTerminal(["build", "--network", "none", write(`FROM ${IMAGE}\nRUN sleep 98765\n`)]);
  const isRunning = (): boolean => findStrays(RUN_NAME).some(({ what }) => /^\d+ sleep 98765$/.test(what));
  await until(isRunning, () => `the step does not begin: ${terminal.shown}`);
  terminal.type("\x03");
  assert.is.not(await terminal.ended, 0);
  terminal.close();
  await until(() => !isRunning(), () => "the step goes on");
});

test.run();
