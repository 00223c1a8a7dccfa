import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the clients, which have their own dependencies. */
export const CLIENTS: string = fileURLToPath(new URL(".", import.meta.url));

/** The Node that the clients need (22 or later); undefined where it or they are not installed (`npm run clients`). */
export function clientNode(): string | undefined {
  if (!existsSync(`${CLIENTS}node_modules/openai`)) return undefined;
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  const own = `${CLIENTS}node_modules/node-${process.platform}-${process.arch}/bin/node`;
  return existsSync(own) ? own : undefined;
}

/** A Python that has the client of OpenAI: GROUNDSIGHT_PYTHON, else python3; undefined where it has not. */
export function clientPython(): string | undefined {
  const { GROUNDSIGHT_PYTHON: python = "python3" } = process.env;
  return spawnSync(python, ["-c", "import openai"]).status === 0 ? python : undefined;
}
