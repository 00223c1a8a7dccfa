import type { Command } from "commander";

/** Every command, in the order of the help. Each is loaded when it is used: together they take seconds. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  ask: async () => (await import("./ask-command.js")).askCommand(),
  compare: async () => (await import("./compare-command.js")).compareCommand(),
  explain: async () => (await import("./explain-command.js")).explainCommand(),
  check: async () => (await import("./check-command.js")).checkCommand(),
  demo: async () => (await import("./demo-command.js")).demoCommand(),
  models: async () => (await import("./models-command.js")).modelsCommand(),
  methods: async () => (await import("./methods-command.js")).methodsCommand(),
  doctor: async () => (await import("./doctor-command.js")).doctorCommand(),
  serve: async () => (await import("./serve-command.js")).serveCommand(),
  eval: async () => (await import("./eval-command.js")).evalCommand(),
  tune: async () => (await import("./tune-command.js")).tuneCommand(),
  diagnose: async () => (await import("./diagnose-command.js")).diagnoseCommand(),
  steer: async () => (await import("./steer-command.js")).steerCommand(),
  index: async () => (await import("./index-command.js")).indexCommand(),
  report: async () => (await import("./report-command.js")).reportCommand(),
  results: async () => (await import("./results-command.js")).resultsCommand(),
  score: async () => (await import("./score-command.js")).scoreCommand(),
  "generate-pope": async () => (await import("./generate-pope-command.js")).generatePopeCommand(),
  mcp: async () => (await import("./mcp-command.js")).mcpCommand(),
  completion: async () => (await import("./completion-command.js")).completionCommand(),
};

/** Commands whose output is about all of them. */
const ABOUT_ALL = ["completion"];

/**
 * The commands that a command line can be about: the one that it names, none for `--version`, all for the program's help
 * and for names that need a suggestion.
 */
export async function commandsFor(args: readonly string[]): Promise<Command[]> {
  const [first, second] = args.filter((arg) => !arg.startsWith("-"));
  const name = first === "help" ? second : first;
  const isNamed = name !== undefined && Object.hasOwn(COMMANDS, name) && !ABOUT_ALL.includes(name);
  if (isNamed) return [await COMMANDS[name]!()];
  if (["-V", "--version"].includes(args[0] ?? "")) return [];
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}
