import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CHECKPOINTS } from "../global-setup.js";

/** The built command line. */
export const main: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** The options that name a small random checkpoint. */
export const model: string[] = ["--model", `${CHECKPOINTS}concat`, "--threads", "1"];

/** Runs the command line without colours. */
export function groundsight(
  ...args: string[]
): Pick<SpawnSyncReturns<string>, "status" | "stdout" | "stderr"> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, stdout, stderr };
}
