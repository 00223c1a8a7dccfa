import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import packageJson from "../package.json" with { type: "json" };
// @ts-expect-error a script without types
import * as dockerfile from "../scripts/dockerfile.mjs";

interface Step {
  readonly instruction: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly args: string;
}
interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Step[];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");
const { stagesOf, copied, commandIn } = dockerfile as {
  stagesOf: (text: string) => Stage[];
  copied: (step: Step) => { sources: string[]; target: string };
  commandIn: (stage: Stage, instruction: string) => string[];
};
const stages = stagesOf(read("Dockerfile"));
const last = stages.at(-1)!;
const of = (stage: Stage, instruction: string): Step[] =>
  stage.steps.filter((step) => step.instruction === instruction);

/** Whether a pattern of .dockerignore, or of the package's files, is about a path: it, or a folder above it. */
const isAbout = (pattern: string, path: string): boolean => {
  const expression = pattern.replaceAll(/[.+]/g, "\\$&").replaceAll("*", "[^/]*");
  return new RegExp(`^${expression}(/|$)`).test(path);
};
/** Files of `paths` that the last pattern about them takes: with a mark in front some leave out, the others take. */
const taken = (paths: readonly string[], patterns: readonly string[], taking: boolean): string[] =>
  paths.filter((path) => {
    const last = patterns.findLast((pattern) => isAbout(pattern.replace(/^!/, ""), path));
    return last !== undefined && !last.startsWith("!") === taking;
  });

/** Files that git has. */
const tracked = spawnSync("git", ["ls-files"], { cwd: root, encoding: "utf8" })
  .stdout.trim()
  .split("\n");
/** Those that an image can be built from. */
const ignored = read(".dockerignore")
  .split("\n")
  .filter((line) => /^[^#\s]/.test(line));
const context = taken(tracked, ignored, false);
const isWithin = (folders: readonly string[], path: string): boolean =>
  folders.some((folder) => isAbout(folder, path));

test("the context holds what is copied and nothing else", () => {
  const sources = stages.flatMap((stage) =>
    of(stage, "COPY")
      .filter(({ flags }) => flags.from === undefined)
      .flatMap((step) => copied(step).sources),
  );
  expect(sources).toContain("src");
  expect(sources.filter((source) => !context.some((path) => isWithin([source], path)))).toEqual([]);
  expect(context.filter((path) => !isWithin(sources, path))).toEqual([]);
  expect(context.filter((path) => path.startsWith("pocket/bench"))).toEqual([]);
});

test("every file that the package ships is in the context, or made in the build", () => {
  const shipped = taken(tracked, packageJson.files, true);
  expect(shipped).toContain("pocket/tuned/adapter_model.safetensors");
  expect(shipped.filter((path) => !context.includes(path))).toEqual([]);
});

test("stages take from each other what they have, on a Node that the package takes, without install scripts", () => {
  for (const [i, { base, steps }] of stages.entries()) {
    expect(base).toMatch(/^node:(20|22|24)-slim$/);
    for (const { instruction, flags, args } of steps) {
      if (instruction === "RUN" && /npm (ci|install)/.test(args)) {
        expect(args).toContain("npm ci");
        expect(args).toContain("--ignore-scripts");
      }
      if (flags.from !== undefined) {
        expect(stages.slice(0, i).map(({ name }) => name)).toContain(flags.from);
      }
    }
  }
  // Where dependencies come from, and the folders that are copied whole.
  expect(of(stages[1]!, "RUN")[0]!.args).toBe("npm ci --omit=dev --ignore-scripts");
  expect(of(last, "COPY").map(({ flags }) => flags.from)).toEqual([
    "dependencies",
    "build",
    "build",
  ]);
  expect(of(last, "RUN")).toEqual([]);
});

test("the last stage is not root's, tells its health, and has no key in it", () => {
  expect(of(last, "USER").map(({ args }) => args)).toEqual(["node"]);
  expect(of(last, "VOLUME").map(({ args }) => args)).toEqual(["/models"]);
  const [port] = of(last, "EXPOSE").map(({ args }) => args);
  expect(commandIn(last, "HEALTHCHECK")[2]).toContain(`http://127.0.0.1:${port}/health`);
  const command = commandIn(last, "CMD");
  expect(command.slice(0, 3)).toEqual(["serve", "--host", "0.0.0.0"]);
  expect(command[command.indexOf("--port") + 1]).toBe(port);
  expect(read("Dockerfile")).not.toMatch(/^(ENV|ARG) .*KEY/m);
});

interface Service {
  readonly profiles: string[];
  readonly build?: string;
  readonly command?: string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: string[];
  readonly ports?: string[];
  readonly depends_on?: Readonly<Record<string, object>>;
}

test("compose serves alone on this machine, or behind a proxy that others reach, always with a key", () => {
  const { services } = parse(read("compose.yaml"), { merge: true }) as {
    services: Record<string, Service>;
  };
  const named = Object.entries(services);
  const profiles = (profile: string) =>
    named.filter(([, service]) => service.profiles.includes(profile)).map(([name]) => name);
  expect(profiles("server")).toEqual(["alone"]);
  expect(profiles("proxy")).toEqual(["server", "proxy"]);
  const [, exposed] = of(last, "EXPOSE")[0]!.args.match(/^(\d+)$/)!;
  for (const [, service] of named.filter(([, { build }]) => build !== undefined)) {
    expect(service.build).toBe(".");
    expect(service.environment).toEqual({
      GROUNDSIGHT_API_KEY: expect.stringMatching(/^\$\{GROUNDSIGHT_API_KEY:\?/),
    });
    expect(service.command!.slice(0, 5)).toEqual(commandIn(last, "CMD").slice(0, 5));
    for (const port of service.ports ?? []) expect(port).toBe(`127.0.0.1:${exposed}:${exposed}`);
  }
  const { proxy } = services;
  expect(Object.keys(proxy!.depends_on!)).toEqual(["server"]);
  const file = proxy!.volumes![0]!.split(":")[0]!.replace("./", "");
  const caddy = read(file);
  expect(caddy).toContain(`reverse_proxy server:${exposed} {`);
  expect(caddy).toContain("flush_interval -1");
  expect(caddy.split("{").length).toBe(caddy.split("}").length);
});
