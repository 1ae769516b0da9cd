#!/usr/bin/env node
/**
 * Draws the README's terminal pictures anew, from commands that it really runs: `npm run pictures`, as root.
 *
 * The sessions run in a mount namespace of their own with an empty /srv and /run/tsrun, so that they show neither this
 * machine's folders nor its containers. The output stays as it is: prompts and headings get a colour, and where lines are
 * left out a mark says how many.
 */

import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { terminalPicture } from "./terminal-picture.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const PROMPT = "\x1b[1;32m$\x1b[0m ";

/** What happens before the first prompt, unseen. */
const BUNDLE = `
  mkdir -p web && cp -a "$PROJECT/build/example/rootfs" web/ && tsrun spec --bundle web
  sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"sleep", "1000"/' web/config.json`;

const PICTURES = [
  {
    file: "start.svg",
    title: "npm start",
    where: "project",
    // A build that has nothing to do says nothing.
    prepare: "node scripts/build.mjs",
    commands: ["npm start"],
    // Of the mounts the first few tell enough.
    leaveOut: (lines) => gap(lines, (line) => / on \/(dev\/.|sys|proc\/)\S* type /.test(line)),
  },
  {
    file: "explain.svg",
    title: "tsrun explain: the plan, before anything is done",
    prepare: BUNDLE,
    commands: ["tsrun explain --bundle web | cut -c1-100"],
    leaveOut: (lines) => blocks(lines, /^# (start the|set the hostname|mount "shm"|make the device "\/dev\/null"|mask "\/proc\/acpi"|enter the root|set the capab|execute "sleep"  .*args\)$)/),
  },
  {
    file: "life.svg",
    title: "the life of a container",
    prepare: BUNDLE,
    commands: [
      "tsrun create --bundle web web1",
      "tsrun state web1",
      "tsrun start web1",
      "tsrun list",
      "tsrun delete web1",
      "tsrun kill web1 KILL",
      "tsrun delete web1",
      "tsrun list --quiet",
    ],
  },
  {
    file: "error.svg",
    title: "errors name the place",
    prepare: `${BUNDLE}
      sed -i 's/"type": "network"/"type": "net"/; s/RLIMIT_NOFILE/RLIMIT_NOFILES/' web/config.json`,
    commands: [
      "tsrun run web",
      "sed -i 's/\"net\"/\"network\"/; s/NOFILES/NOFILE/; s/\"size=65536k\"/\"szie=65536k\"/' web/config.json",
      "tsrun run web",
    ],
  },
];

function draw({ file, title, where, prepare = "", commands, leaveOut = (lines) => lines }) {
  const script = [
    "set -e",
    "mkdir -p /srv /run/tsrun && mount -t tmpfs tmpfs /srv && mount -t tmpfs tmpfs /run/tsrun",
    where === "project" ? `cd "$PROJECT"` : "cd /srv",
    `{ ${prepare}\n:; } >&2`,
    "set +e",
    ...commands.flatMap((command) => [`printf '%s\\n' ${quote(PROMPT + command)}`, `{ ${command}; } 2>&1 </dev/null`, "sleep 0.1"]),
  ].join("\n");
  const env = { ...process.env, PROJECT: root, PATH: `${join(root, "dist")}:${process.env.PATH}`, npm_config_loglevel: "error" };
  const stdout = runInto(join(root, "build/picture.txt"), script, env);
  writeFileSync(join(root, "docs", file), terminalPicture(leaveOut(stdout.split("\n")).join("\n"), title));
  console.error(`docs/${file}`);
}

/** Into a file: a container that runs on would keep a pipe open. */
function runInto(path, script, env) {
  const fd = openSync(path, "w");
  const { status } = spawnSync("unshare", ["--mount", "bash", "-c", script], { stdio: ["ignore", fd, 2], env, cwd: root });
  closeSync(fd);
  const text = readFileSync(path, "utf8");
  rmSync(path);
  if (status !== 0) throw new Error(`cannot draw: the session ended with status ${status}:\n${text}`);
  return text;
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Replaces each run of lines that are left out by a mark. */
function gap(lines, isOut) {
  const out = [];
  let count = 0;
  for (const line of [...lines, undefined]) {
    if (line !== undefined && isOut(line)) {
      count++;
      continue;
    }
    if (count > 0) out.push(`\x1b[2m⋮ ${count} more\x1b[0m`);
    count = 0;
    if (line !== undefined) out.push(line);
  }
  return out;
}

/** Keeps the prompt, and the paragraphs whose heading fits. */
function blocks(lines, wanted) {
  const out = [];
  let skipped = 0;
  for (const block of lines.join("\n").split("\n\n")) {
    const [first = "", ...rest] = block.split("\n");
    const isPrompt = first.startsWith("\x1b");
    const [heading = ""] = isPrompt ? rest : [first];
    if (isPrompt) out.push(first);
    const steps = (isPrompt ? rest : [first, ...rest]).filter((line) => line !== "");
    if (!wanted.test(heading)) {
      skipped += steps.filter((line) => /^ *\d/.test(line)).length;
      continue;
    }
    if (skipped > 0) out.push(`\x1b[2m⋮ ${skipped} more steps\x1b[0m`);
    skipped = 0;
    out.push(...steps.map((line) => (line.startsWith("#") ? `\x1b[36m${line}\x1b[0m` : line)));
  }
  return out;
}

for (const picture of PICTURES) draw(picture);
