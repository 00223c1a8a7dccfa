import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Resident memory of this process without its garbage, in MiB. */
export function residentMiB(): number {
  collectGarbage();
  // Arrays that the first found unused are free for certain at the second.
  collectGarbage();
  return process.memoryUsage.rss() / 2 ** 20;
}
