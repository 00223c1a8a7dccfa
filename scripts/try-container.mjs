#!/usr/bin/env node
// Tries the Dockerfile where there is no Docker: does the steps of its stages in folders, starts what the last one starts,
// and asks it. What a container is beside that (its base, users, volumes, network) is not tried.
//
//   node scripts/try-container.mjs
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandIn, doStage, stagesOf } from "./dockerfile.mjs";
import { freePort, projectIn, read, root, run, stopping } from "./trial-project.mjs";

const KEY = "key-of-this-trial";
const quoted = (words) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

const temporary = mkdtempSync(join(tmpdir(), "groundsight-container-"));
const diskOf = (name) => join(temporary, name || "last");

/** Does the stages, and returns the working folder of the last one. */
async function build(stages) {
  let cwd;
  for (const stage of stages) {
    cwd = await doStage(stage, diskOf(stage.name), { context: root, diskOf, run });
    console.log(`stage ${stage.name || "last"}: done`);
  }
  return cwd;
}

/** Runs the last stage's health check until it passes, as long as the server runs. */
async function untilHealthy(command, cwd, { ended }) {
  let end;
  ended.then((told) => (end = told));
  for (;;) {
    try {
      return await run(command, cwd);
    } catch (error) {
      if (stopping.aborted) throw error;
      if (end !== undefined) throw new Error(`the server ended with ${end.status}:\n${end.text}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

try {
  const stages = stagesOf(read("Dockerfile"));
  const last = stages.at(-1);
  const cwd = await build(stages);
  const project = projectIn(cwd);
  console.log(`installed: ${(await project.run("du -sm .")).split("\t")[0]} MB`);
  const port = await freePort();
  const here = (words) => quoted(words.map((word) => word.replaceAll("8000", String(port))));
  const command = here([...commandIn(last, "ENTRYPOINT"), ...commandIn(last, "CMD")]);
  const server = project.start(`GROUNDSIGHT_API_KEY='${KEY}' exec ${command}`);
  try {
    await untilHealthy(here(commandIn(last, "HEALTHCHECK")), cwd, server);
    const ask = (headers) =>
      fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model: "pocket", messages: [{ role: "user", content: "Hello" }] }),
      });
    const statuses = [await ask({}), await ask({ authorization: `Bearer ${KEY}` })];
    console.log(`without the key ${statuses[0].status}, with it ${statuses[1].status}`);
    if (statuses[0].status !== 401 || !statuses[1].ok) throw new Error("expected 401 and 200");
  } finally {
    server.stop();
  }
  console.log(`ended: ${(await server.ended).status}`);
} catch (error) {
  process.exitCode = 1;
  console.error(stopping.aborted ? "stopped" : `FAILED: ${error.message}`);
} finally {
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
}
