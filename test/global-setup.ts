import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSyntheticCheckpoint } from "../src/testing/synthetic/checkpoint.js";
import { clientNode, clientPython } from "./clients/client-node.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Folder of the small random checkpoints that tests load, made anew for each run; one for each checkout. */
export const CHECKPOINTS: string = join(
  tmpdir(),
  `groundsight-test-${createHash("sha256").update(root).digest("hex").slice(0, 12)}`,
  "/",
);

/** Builds the package, which tests of the command line and the worker run, and writes the checkpoints. */
export async function setup(): Promise<void> {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
    cwd: root,
  });
  await mkdir(CHECKPOINTS, { recursive: true });
  const shape = {
    layers: 2,
    visionLayers: 2,
    width: 96,
    heads: 6,
    kvHeads: 3,
    feedForward: 128,
    vocabulary: 300,
  };
  await writeSyntheticCheckpoint(`${CHECKPOINTS}concat`, { ...shape, attention: "concat" });
  await writeSyntheticCheckpoint(`${CHECKPOINTS}group-query`, {
    ...shape,
    attention: "group-query",
  });
}

/** Removes what {@link setup} wrote, and says at the end of the run what it could not show. */
export async function teardown(): Promise<void> {
  await rm(CHECKPOINTS, { recursive: true, force: true });
  for (const what of untested()) console.warn(`NOT TESTED in this run: ${what}`);
}

/** What tests need that is not there, with the tests that were skipped for it. */
function untested(): string[] {
  const peers = process.env.GROUNDSIGHT_PEER_GRAPHS;
  const needed: [boolean, string][] = [
    [
      peers !== undefined && existsSync(peers),
      "graphs of other exporters (test/onnx/peers.test.ts): make them with test/peers/make-graphs.py and set GROUNDSIGHT_PEER_GRAPHS",
    ],
    [
      existsSync(join(root, "pocket/llava/onnx/decoder_model_merged.onnx")),
      "the pocket checkpoint (test/node): pocket/llava is not there",
    ],
    [
      clientNode() !== undefined,
      "the npm clients against the server (test/clients), and the AI SDK (test/ai-sdk/with-ai.test.ts): install them by npm run clients",
    ],
    [
      clientPython() !== undefined,
      "the Python client against the server (test/clients): pip install openai for python3, or set GROUNDSIGHT_PYTHON",
    ],
  ];
  return needed.flatMap(([isThere, what]) => (isThere ? [] : [what]));
}
