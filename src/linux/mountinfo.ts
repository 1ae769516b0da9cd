/** Reads proc_pid_mountinfo(5), as far as it tells which mounts there are, and where. */

export interface MountPlace {
  readonly id: number;
  /** As the process sees it. */
  readonly point: string;
}

const ID = 0;
const POINT = 4;

/** The mounts, in the order in which they were made. */
export function parseMountPlaces(text: string): MountPlace[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const point = fields[POINT];
    return point === undefined ? [] : [{ id: Number(fields[ID]), point: unescaped(point) }];
  });
}

/** Spaces, tabs, newlines and backslashes are written as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
