/** Makes an OCI image of a root file system, without a network (image-spec, image-layout.md). */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";

export const IMAGE = "tsrun.test/busybox:latest";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Returns the path of an archive, in a folder of the caller's; `settings` are the image's, as a Dockerfile makes them. */
export function makeImage(folder: string, rootfs: string, settings: Readonly<Record<string, unknown>> = {}): string {
  const layout = join(folder, "image");
  const blobs = join(layout, "blobs/sha256");
  fs.mkdirSync(blobs, { recursive: true });
  const add = (kind: string, content: Buffer | object): Descriptor => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const hash = createHash("sha256").update(bytes).digest("hex");
    fs.writeFileSync(join(blobs, hash), bytes);
    return { mediaType: `application/vnd.oci.image.${kind}`, digest: `sha256:${hash}`, size: bytes.length };
  };
  const layer = add("layer.v1.tar", tar(rootfs));
  const config = add("config.v1+json", {
    architecture: ARCHITECTURES[process.arch],
    os: "linux",
    config: { Env: ["PATH=/bin"], ...settings },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const manifest = add("manifest.v1+json", { schemaVersion: 2, config, layers: [layer] });
  const annotations = { "io.containerd.image.name": IMAGE };
  fs.writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  fs.writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  fs.writeFileSync(join(folder, "image.tar"), tar(layout));
  return join(folder, "image.tar");
}

function tar(folder: string): Buffer {
  const { status, stdout, stderr } = spawnSync("tar", ["--create", "--directory", folder, "."], { maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`tar failed: ${String(stderr)}`);
  return stdout;
}
