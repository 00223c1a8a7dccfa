#!/usr/bin/env node
// Runs the command line from a clone: installs and builds first when either is missing or out of date.
// Plain JavaScript with no imports beyond Node, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const at = (...parts) => join(root, ...parts);
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newestSource(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestSource(path) : modified(path));
  }
  return newest;
}

function step(title, command, args) {
  process.stderr.write(`groundsight: ${title}\n`);
  const shell = process.platform === "win32";
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    shell,
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ""}${stderr ?? ""}${error ? `${error.message}\n` : ""}`);
  process.stderr.write(`groundsight: '${command} ${args.join(" ")}' failed\n`);
  process.exit(1);
}

if (modified(at("node_modules", ".package-lock.json")) < modified(at("package-lock.json"))) {
  step("installing packages (first run only)", "npm", ["ci", "--no-audit", "--no-fund"]);
}
const built = at("dist", "cli", "main.js");
if (modified(built) < Math.max(newestSource(at("src")), modified(at("tsconfig.build.json")))) {
  step("building", "npm", ["run", "--silent", "build"]);
}
await import(pathToFileURL(built).href);
