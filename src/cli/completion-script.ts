import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that a script can be made for. */
export type CompletionShell = (typeof SHELLS)[number];

/** What may stand behind the words of a command. */
interface Place {
  /** The commands that lead here, joined by a blank: "", "ask", "steer fit". */
  readonly path: string;
  readonly commands: readonly Command[];
  readonly options: readonly Option[];
}

/**
 * A completion script made from what a program declares, so that it starts nothing when a key is pressed. Where neither
 * a command, an option nor a choice fits, files are completed.
 */
export function completionScript(program: Command, shell: CompletionShell): string {
  const places = placesOf(program, "", program.options);
  const name = program.name();
  if (shell === "fish") return fishScript(name, places);
  return shell === "bash" ? bashScript(name, places) : zshScript(name, places);
}

function placesOf(command: Command, path: string, shared: readonly Option[]): Place[] {
  const own = path === "" ? [] : command.options;
  const place = { path, commands: command.commands, options: [...own, ...shared] };
  const below = command.commands.flatMap((one) =>
    placesOf(one, `${path} ${one.name()}`.trim(), shared),
  );
  return [place, ...below];
}

const flagsOf = ({ short, long }: Option): string[] => [short, long].flatMap((flag) => flag ?? []);
const wordsOf = ({ commands, options }: Place): string[] => [
  ...commands.map((command) => command.name()),
  ...options.flatMap(({ long }) => long ?? []),
  "--help",
];

/** Cases of a shell's `case`: by "place", the words; by "place option", the choices of the option. */
function cases(places: readonly Place[], set: (words: readonly string[]) => string): string {
  const lines = places.flatMap((place) => {
    const choices = place.options
      .filter(({ argChoices }) => argChoices !== undefined)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => `"${place.path} ${flag}"`);
        return `    ${patterns.join("|")}) ${set(option.argChoices ?? [])} ;;`;
      });
    return [`    "${place.path}") ${set(wordsOf(place))} ;;`, ...choices];
  });
  return lines.join("\n");
}

/** Walks along the words typed so far and keeps the commands among them; the same in bash and zsh. */
function walk(places: readonly Place[], words: string): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  return `  local place="" word
  for word in ${words}; do
    case "\${place:+$place }$word" in
      ${paths.join("|")}) place="\${place:+$place }$word" ;;
    esac
  done`;
}

function bashScript(name: string, places: readonly Place[]): string {
  return `# bash completion of ${name}
_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
${walk(places, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
  case "$place $before" in
${cases(places, (words) => `words="${words.join(" ")}"`)}
  esac
  if [ -z "$words" ]; then case "$place" in
${cases(places, (words) => `words="${words.join(" ")}"`)}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

function zshScript(name: string, places: readonly Place[]): string {
  return `#compdef ${name}
_${name}() {
  local before="\${words[CURRENT-1]}"
  local -a found
${walk(places, `"\${(@)words[2,CURRENT-1]}"`)}
  case "$place $before" in
${cases(places, (words) => `found=(${words.join(" ")})`)}
  esac
  if (( ! \${#found} )); then case "$place" in
${cases(places, (words) => `found=(${words.join(" ")})`)}
  esac; fi
  compadd -a found
  [[ "$PREFIX" == -* ]] || _files
}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function fishScript(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const parents = path.split(" ").filter((part) => part !== "");
    const seen = parents.map((part) => `__fish_seen_subcommand_from ${part}`);
    const names = commands.map((command) => command.name()).join(" ");
    const none = names === "" ? [] : [`not __fish_seen_subcommand_from ${names}`];
    const condition = [...seen, ...none].join("; and ");
    const start = `complete -c ${name}${condition === "" ? "" : ` -n ${quoted(condition)}`}`;
    return [
      ...commands.map((one) => `${start} -f -a ${one.name()} -d ${quoted(one.description())}`),
      ...options.map((option) => `${start}${fishOption(option)}`),
    ];
  });
  return `# fish completion of ${name}\n${lines.join("\n")}\n`;
}

function fishOption({ short, long, argChoices, required, description }: Option): string {
  const flags = [short === undefined ? "" : ` -s ${short.slice(1)}`, ` -l ${long?.slice(2)}`];
  const value =
    argChoices === undefined ? (required ? " -r" : "") : ` -x -a ${quoted(argChoices.join(" "))}`;
  return `${flags.join("")}${value} -d ${quoted(description)}`;
}

/** A word in single quotes, as fish reads them. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
