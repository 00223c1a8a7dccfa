// Reads a Dockerfile, and does its steps in folders instead of containers where there is no Docker.
import { cpSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";

/** The stages of a Dockerfile: name, base, and steps of an instruction, its flags and its arguments. */
export function stagesOf(text) {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const stages = [];
  for (const line of lines) {
    const [, instruction, rest] = /^([A-Z]+)\s+(.*)$/.exec(line);
    if (instruction === "FROM") {
      const [, base, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest);
      stages.push({ name: name ?? "", base, steps: [] });
      continue;
    }
    const [flags] = /^(?:--\S+\s+)*/.exec(rest);
    stages.at(-1).steps.push({
      instruction,
      flags: Object.fromEntries(flags.split(/\s+/).flatMap(flagOf)),
      args: rest.slice(flags.length).trim(),
    });
  }
  return stages;
}

function flagOf(text) {
  const [, name, value] = /^--([\w-]+)(?:=(.*))?$/.exec(text) ?? [];
  return name === undefined ? [] : [[name, value ?? ""]];
}

/** What a COPY takes, and where to. */
export function copied({ args }) {
  const words = args.split(/\s+/);
  return { sources: words.slice(0, -1), target: words.at(-1) };
}

/** The command of an instruction in its JSON form. */
export function commandIn(stage, instruction) {
  const { args } = stage.steps.findLast((step) => step.instruction === instruction);
  return JSON.parse(args.replace(/^CMD\s+/, ""));
}

/**
 * Does a stage's steps below a folder that stands for its disk. Owners and users are left out.
 *
 * @param context the folder that is built from; what it ignores is not looked at
 * @param diskOf the folder of another stage
 * @param run runs a command line in a folder
 * @returns the working folder of the last step
 */
export async function doStage(stage, disk, { context, diskOf, run }) {
  let cwd = disk;
  for (const step of stage.steps) {
    if (step.instruction === "WORKDIR") {
      cwd = join(disk, step.args);
      mkdirSync(cwd, { recursive: true });
    }
    if (step.instruction === "RUN") await run(step.args, cwd);
    if (step.instruction === "COPY") {
      const { sources, target } = copied(step);
      const from = step.flags.from === undefined ? context : diskOf(step.flags.from);
      const to = target.startsWith("/") ? join(disk, target) : join(cwd, target);
      for (const source of sources) {
        // A folder's content is copied, a file goes into a folder that ends with a slash.
        const path =
          /\/$/.test(target) && /\.\w+$|^[A-Z]+$/.test(source) ? join(to, basename(source)) : to;
        cpSync(join(from, source), path, { recursive: true, verbatimSymlinks: true });
      }
    }
  }
  return cwd;
}
