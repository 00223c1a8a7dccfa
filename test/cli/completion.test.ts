import { spawnSync } from "node:child_process";
import { Command, Option } from "commander";
import { describe, expect, test } from "vitest";
import { completionScript } from "../../src/cli/completion-script.js";

function program(): Command {
  const steer = new Command("steer").description("Steer.");
  steer.addCommand(new Command("fit").option("--out <file>", "the user's file"));
  const run = new Command("run")
    .option("-m, --model <name>", "model")
    .addOption(new Option("--split <name>", "of the sets").choices(["dev", "test"]));
  return new Command("tool").option("--no-color", "no colours").addCommand(run).addCommand(steer);
}

/** What bash offers behind the words. */
function offered(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  const script = `${completionScript(program(), "bash")}
COMP_WORDS=(tool ${line}); COMP_CWORD=${words.length}; _tool; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync("bash", ["-uc", script], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.trim().split("\n");
}

const has = (shell: string) => spawnSync(shell, ["--version"]).status === 0;

describe.skipIf(!has("bash"))("bash", () => {
  test("completes commands, options of the command, and choices of an option", () => {
    expect(offered("")).toEqual(["run", "steer", "--no-color", "--help"]);
    expect(offered("st")).toEqual(["steer"]);
    expect(offered("run", "--m")).toEqual(["--model"]);
    expect(offered("run", "a picture.png", "--no")).toEqual(["--no-color"]);
    expect(offered("run", "--split", "")).toEqual(["dev", "test"]);
    expect(offered("steer", "")).toContain("fit");
    expect(offered("steer", "fit", "--o")).toEqual(["--out"]);
  });

  test("leaves files to the shell where nothing fits", () => {
    expect(offered("run", "pict")).toEqual([""]);
    expect(completionScript(program(), "bash")).toContain("complete -o default -F _tool tool");
  });
});

test.each(["bash", "zsh", "fish"] as const)("%s can read its script", (shell) => {
  const script = completionScript(program(), shell);
  for (const word of ["run", "fit", "dev", "model", "no-color"]) expect(script).toContain(word);
  if (!has(shell)) return;
  expect(spawnSync(shell, ["-n"], { input: script, encoding: "utf8" })).toMatchObject({
    status: 0,
    stderr: "",
  });
});

test("fish is given descriptions, with quotes kept", () => {
  expect(completionScript(program(), "fish")).toContain(
    "complete -c tool -n '__fish_seen_subcommand_from steer; and __fish_seen_subcommand_from fit' -l out -r -d 'the user\\'s file'",
  );
});
