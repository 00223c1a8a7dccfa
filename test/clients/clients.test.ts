import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../cli/groundsight.js";
import { CLIENTS, clientNode, clientPython } from "./client-node.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");
const image = `${root}pocket/demo/dev_000001.png`;
const guide = read("docs/serve.md");
const node = clientNode();
const python = clientPython();

let server: ChildProcess;
let url: string;
/** A folder as a user has one: with the clients installed, and a picture. */
let project: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "groundsight-clients-"));
  await symlink(join(CLIENTS, "node_modules"), join(project, "node_modules"), "junction");
  await copyFile(image, join(project, "photo.png"));
  env = { ...process.env, GROUNDSIGHT_API_KEY: "secret", GROUNDSIGHT_IMAGE: image };
  const limits = ["--max-running", "4", "--max-queued", "4", "--max-body-mib", "2"];
  server = spawn(
    process.execPath,
    [main, "serve", "--port", "0", "--threads", "1", "--log", "none", ...limits],
    { env, stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(server.stdout!, "data")) as [Buffer];
  url = /at (http:\/\/[\d.:]+)\/v1/.exec(line.toString())![1]!;
  env.GROUNDSIGHT_URL = url;
}, 120_000);
afterAll(async () => {
  server.kill();
  await once(server, "exit");
  await rm(project, { recursive: true });
});

/** Runs a program in the project, its server's address put in. */
async function run(program: string, name: string, code: string): Promise<string> {
  await writeFile(join(project, name), code.replaceAll("http://127.0.0.1:8000", url));
  const { stdout, stderr, status } = spawnSync(program, [name, "photo.png"], {
    cwd: project,
    encoding: "utf8",
    env,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

describe.skipIf(node === undefined)("the npm clients", () => {
  test.each(["openai", "ai-sdk", "langchain"])("%s", (name) => {
    const { stdout, status } = spawnSync(node!, ["--test", `${name}.test.mjs`], {
      cwd: CLIENTS,
      encoding: "utf8",
      env,
    });
    expect(status, stdout).toBe(0);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)![1])).toBeGreaterThan(4);
    expect(stdout).toMatch(/^# skipped 0$/m);
  });

  test.each(["openai", "ai-sdk", "langchain"])("the guide's example of %s", async (name) => {
    const said = await run(node!, "main.mjs", read(`examples/${name}-client.mjs`));
    const [streamed, whole] = said.split("\n");
    expect(streamed).toMatch(/^The image shows .*couch/);
    expect(whole).toContain("The image shows ");
    if (name === "openai") expect(said).toMatch(/^400 model .*Did you mean 'vcd'/m);
  });
});

describe("the guide", () => {
  test("shows its examples as they are run", () => {
    const shown = [...guide.matchAll(/<!-- ([\w/.-]+) -->\n```\w+\n([\s\S]*?)```/g)];
    expect(shown.map(([, path]) => path)).toEqual([
      "examples/openai-client.mjs",
      "examples/openai-client.py",
      "examples/ai-sdk-client.mjs",
      "examples/langchain-client.mjs",
      "examples/mount-server.ts",
    ]);
    for (const [, path, code] of shown) expect(code).toBe(read(path!));
  });

  test.skipIf(python === undefined)("the example of the Python client", async () => {
    const [streamed, whole, doubtful, , failure] = (
      await run(python!, "main.py", read("examples/openai-client.py"))
    ).split("\n");
    expect(streamed).toMatch(/^The image shows .*couch/);
    expect(whole).toMatch(/^vcd The image shows /);
    expect(doubtful).toMatch(/^doubtful: \[/);
    expect(failure).toMatch(/^400 model .*Did you mean 'vcd'/);
  });

  const commands = [...guide.matchAll(/```sh\n(curl [\s\S]*?)```/g)].map(([, command]) => command!);
  test.skipIf(spawnSync("curl", ["--version"]).status !== 0)("its commands for curl", async () => {
    expect(commands).toHaveLength(4);
    const outputs = await Promise.all(
      commands.map((command) =>
        run("bash", `${commands.indexOf(command)}.sh`, `set -e\n${command}`),
      ),
    );
    const [text, image, stream, evidence] = outputs;
    expect(JSON.parse(text!)).toMatchObject({ object: "chat.completion", model: "pocket" });
    expect(JSON.parse(image!).choices[0].message.content).toMatch(/couch/);
    const events = stream!.trim().split("\n\n");
    expect(events.at(-1)).toBe("data: [DONE]");
    expect(
      JSON.parse(events.at(-2)!.replace("data: ", "")).usage.completion_tokens,
    ).toBeGreaterThan(2);
    const { choices, groundsight } = JSON.parse(evidence!);
    expect(groundsight.method.name).toBe("vcd");
    expect(choices[0].groundsight.evidence.length).toBeGreaterThan(2);
  });
});
