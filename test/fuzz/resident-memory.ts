import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Resident memory of this process without its garbage, in MiB. */
export async function residentMiB(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    // Memory of libraries is given back by the event loop, not by the collection itself.
    await wait(20);
  }
  return process.memoryUsage.rss() / 2 ** 20;
}
