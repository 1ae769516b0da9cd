/** Destinations of mounts by what they name: they may be relative, and written in more ways than one (config.md#mounts). */

/** Whether a destination is this path, as far as its text tells. */
export function isDestination(destination: string, path: string): boolean {
  if (destination === path) return true;
  // Most are written plainly, and another path.
  if (destination.startsWith("/") && !destination.endsWith("/") && !destination.includes("//") && !destination.includes("/.")) return false;
  return plainPath(destination) === path;
}

/** An absolute path without empty components, `.` and `..`. */
function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
