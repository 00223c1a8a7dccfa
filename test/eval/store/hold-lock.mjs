// Takes a run's lock and holds it: node hold-lock.mjs <folder> <ms to hold> <beat ms> <missed beats>
// Says "held", "refused: ..." or "broken: ...": at once on its output, or, when forked, for each message.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { lockRun } from "../../../dist/eval/store/run-lock.js";

const [folder, ms, beatMs, missedBeats] = process.argv.slice(2);
const options = beatMs ? { beatMs: Number(beatMs), missedBeats: Number(missedBeats) } : {};

async function take(say) {
  try {
    const lock = await lockRun(folder, options);
    const inside = join(folder, "inside");
    // Only one process can make this file: the proof that nobody else holds.
    await writeFile(inside, "", { flag: "wx" });
    say("held");
    await wait(Number(ms));
    await lock.check();
    await rm(inside);
    await lock.release();
  } catch (error) {
    say(`${error.code === "DATASET" ? "refused" : "broken"}: ${error.message}`);
  }
}

if (process.send === undefined) await take((text) => process.stdout.write(`${text}\n`));
else {
  process.on("message", async () => {
    const said = [];
    await take((text) => said.push(text));
    process.send(said.join("; "));
  });
  process.send("ready");
}
