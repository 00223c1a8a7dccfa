import { Argument, Command } from "commander";
import { type CompletionShell, completionScript, SHELLS } from "./completion-script.js";

/** `groundsight completion`: a shell's script that completes commands, options and their choices. */
export function completionCommand(): Command {
  return new Command("completion")
    .description("Print a script that completes commands and options in a shell.")
    .addArgument(new Argument("<shell>", "which shell it is for").choices(SHELLS))
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight completion bash > ~/.local/share/bash-completion/completions/groundsight
  $ groundsight completion zsh > "\${fpath[1]}/_groundsight"
  $ groundsight completion fish > ~/.config/fish/completions/groundsight.fish`,
    )
    .action((shell: CompletionShell, _, command: Command) => {
      process.stdout.write(completionScript(command.parent ?? command, shell));
    });
}
