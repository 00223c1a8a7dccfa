#!/usr/bin/env node
// Tries the package as a new user would: packs it, installs it in empty projects, and runs what the guides print there.
//
//   npm run try:install                          all trials
//   npm run try:install -- --only esm,next@15    those whose name begins so
//   node scripts/try-install.mjs --no-build      packs what is built already
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  codeOf,
  commandOf,
  freePort,
  projectIn,
  read,
  root,
  run,
  sizes,
  stopping,
} from "./trial-project.mjs";

const picture = join(root, "pocket/bench/dev/images/dev_000008.png");
const versions = JSON.parse(read("package.json")).devDependencies;

// What is tried, each in a project of its own. A trial throws when the package does not do as the guides say.

const YES_OR_NO = /^(Yes|No)\b/;
const MISSING = `npm install onnxruntime-node@${versions["onnxruntime-node"]} --ignore-scripts`;

const TRIALS = {
  esm: async (project) => {
    project.write("main.mjs", read("examples/ask.ts"));
    expect(await project.run(`node main.mjs ${picture}`), YES_OR_NO);
    expect(await project.run(`npx groundsight ask ${picture} "Is there a dog?"`), YES_OR_NO);
  },
  commonjs: async (project) => {
    project.write("main.cjs", codeOf("docs/install.md", "// main.cjs"));
    expect(await project.run(`node main.cjs ${picture}`), YES_OR_NO);
  },
  typescript: async (project) => {
    await project.run(commandOf("docs/install.md", "npm install --save-dev typescript"));
    project.write("ask.mts", read("examples/ask.ts"));
    const faces = ["groundsight", "groundsight/core", "groundsight/eval", "groundsight/testing"];
    project.write(
      "faces.mts",
      faces.map((face, i) => `export * as face${i} from "${face}";`).join("\n"),
    );
    const settings = codeOf("docs/install.md", "// tsconfig.json");
    project.write("tsconfig.json", settings);
    project.write(
      "tsconfig.bundler.json",
      `{
      "extends": "./tsconfig.json",
      "compilerOptions": { "module": "preserve", "moduleResolution": "bundler" }
    }`,
    );
    expect(await project.run("npx tsc --noEmit --skipLibCheck false"), /^$/);
    expect(
      await project.run("npx tsc --noEmit --skipLibCheck false -p tsconfig.bundler.json"),
      /^$/,
    );
  },
  esbuild: async (project) => {
    await project.run(`npm install --save-dev esbuild@${versions.esbuild}`);
    project.write("server.mjs", codeOf("docs/bundlers.md", "// server.mjs"));
    await project.run(commandOf("docs/bundlers.md", "npx esbuild server.mjs"));
    expect(await project.run(`node out.mjs ${picture}`), YES_OR_NO);
  },
  vite: async (project) => {
    await project.run("npm install --save-dev vite@8.3.8");
    project.write("server.mjs", codeOf("docs/bundlers.md", "// server.mjs"));
    project.write("vite.config.mjs", codeOf("docs/bundlers.md", "// vite.config.mjs"));
    await project.run("npx vite build");
    expect(await project.run(`node dist/server.mjs ${picture}`), YES_OR_NO);
  },
  browser: async (project) => {
    await project.run(`npm install --save-dev esbuild@${versions.esbuild}`);
    project.write("page.js", codeOf("docs/bundlers.md", "// page.js"));
    await project.run(commandOf("docs/bundlers.md", "npx esbuild page.js"));
    expect(project.read("page.out.mjs"), /^(?![\s\S]*(["']node:|\brequire\())/);
    expect(await project.run("node page.out.mjs"), /^A dog\.$/);
  },
  "next@16.4.6": next,
  "next@15.5.29": next,
  "one-platform": async (project) => {
    if (`${process.platform}-${process.arch}` !== "linux-x64") return;
    await project.run(commandOf("docs/install.md", "(cd node_modules/onnxruntime-node"));
    project.write("main.mjs", read("examples/ask.ts"));
    expect(await project.run(`node main.mjs ${picture}`), YES_OR_NO);
    await project.size("with onnxruntime-node, Linux x64 only");
  },
  "no-runtime": async (project) => {
    project.write("main.mjs", read("examples/ask.ts"));
    expect(await project.run(`node main.mjs ${picture}`, 1), MISSING);
    expect(await project.run(`npx groundsight ask ${picture} "Is there a dog?"`, 2), MISSING);
    project.write("core.mjs", codeOf("docs/bundlers.md", "// page.js"));
    expect(await project.run("node core.mjs"), /^A dog\.$/);
  },
};

async function next(project, name) {
  await project.run(`npm install --ignore-scripts ${name} react@19.2.0 react-dom@19.2.0`);
  project.write("next.config.mjs", codeOf("docs/bundlers.md", "// next.config.mjs"));
  project.write("app/api/ask/route.js", codeOf("docs/bundlers.md", "// app/api/ask/route.js"));
  await project.run("npx next build");
  const port = await freePort();
  const server = project.start(`npx next start --port ${port}`);
  try {
    const form = new FormData();
    form.set("image", new Blob([readFileSync(picture)]), "picture.png");
    form.set("question", "Is there a dog in the image?");
    const response = await ask(`http://localhost:${port}/api/ask`, form);
    expect(`${response.status} ${await response.text()}`, /^200 \{"text":"(Yes|No)/);
  } finally {
    server.stop();
  }
}

function expect(text, wanted) {
  if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) return;
  throw new Error(`expected ${wanted}, received:\n${text.slice(0, 4000)}`);
}

/** A request to a server that is starting. */
async function ask(url, body) {
  for (let tries = 0; ; tries++) {
    try {
      return await fetch(url, { method: "POST", body });
    } catch (error) {
      if (tries === 60 || stopping.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

// The trials one by one.

const { values } = parseArgs({
  options: { only: { type: "string" }, "no-build": { type: "boolean" } },
});
const only = values.only?.split(",") ?? [""];
const unknown = only.filter((start) => !Object.keys(TRIALS).some((name) => name.startsWith(start)));
if (unknown.length > 0) {
  console.error(
    `--only: received ${unknown.join(", ")}; expected beginnings of ${Object.keys(TRIALS).join(", ")}`,
  );
  process.exit(2);
}
const chosen = Object.entries(TRIALS).filter(([name]) =>
  only.some((start) => name.startsWith(start)),
);

const temporary = mkdtempSync(join(tmpdir(), "groundsight-trials-"));
let failures = 0;

async function trial(name, body) {
  const began = performance.now();
  let outcome = "ok";
  try {
    await body();
  } catch (error) {
    stopping.throwIfAborted();
    failures++;
    outcome = `FAILED: ${error.message}`;
  }
  console.log(
    `${name.padEnd(14)} ${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${outcome}`,
  );
  return outcome === "ok";
}

/** Installs the packed package by a guide's command. */
async function install(line, what) {
  const tarball = readdirSync(temporary).find((name) => name.endsWith(".tgz"));
  const project = projectIn(join(temporary, what.replaceAll(" ", "-")));
  project.write("package.json", '{ "private": true }');
  await project.run(line.replace(" groundsight", ` ${join(temporary, tarball)}`));
  await project.size(what);
  return project;
}

try {
  const isPacked = await trial("pack", () =>
    run(
      `npm pack --pack-destination ${temporary}${values["no-build"] ? " --ignore-scripts" : ""}`,
      root,
    ),
  );
  const projects = {};
  const installed =
    isPacked &&
    (await trial("install", async () => {
      projects.alone = await install(
        commandOf("docs/install.md", "npm install groundsight"),
        "groundsight",
      );
      projects.whole = await install(
        commandOf("docs/install.md", "npm install --ignore-scripts"),
        "with onnxruntime-node",
      );
    }));
  for (const [name, body] of installed ? chosen : []) {
    await trial(name, async () => {
      const project = projectIn(join(temporary, name));
      const installed = projects[name === "no-runtime" ? "alone" : "whole"].folder;
      // Links instead of copies where there are such: the runtime is large, and npm replaces files rather than writing into them.
      if (process.platform === "linux") await run(`cp -al ${installed}/. ${project.folder}`, root);
      else cpSync(installed, project.folder, { recursive: true, verbatimSymlinks: true });
      try {
        await body(project, name);
      } finally {
        rmSync(project.folder, { recursive: true, force: true, maxRetries: 5 });
      }
    });
  }
  for (const line of sizes) console.log(`node_modules: ${line}`);
} catch (error) {
  if (!stopping.aborted) throw error;
  failures++;
  console.error("stopped");
} finally {
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(stopping.aborted ? 130 : failures > 0 ? 1 : 0);
