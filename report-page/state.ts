/** Which answers are shown: their questions' outcomes under the one series and the other. */
export type Show = "all" | "differ" | "gained" | "lost";

/** What the reader looks at; the address of the page keeps it. */
export interface State {
  /** Name of the set. */
  readonly set: string;
  /** Series, by {@link seriesName}. */
  readonly left: string;
  readonly right: string;
  readonly show: Show;
  readonly search: string;
  /** Place of the question in its set, from 1 on. */
  readonly question: string;
}

const FIELDS = ["set", "left", "right", "show", "search", "question"] as const;
const SHOWS: readonly string[] = ["all", "differ", "gained", "lost"];

/** What a part of an address says; what it does not say is left out. */
export function readState(hash: string): Partial<State> {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const found: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = given.get(field);
    if (value !== null && (field !== "show" || SHOWS.includes(value))) found[field] = value;
  }
  return found;
}

/** The state as a part of the page's address. */
export function writeState(state: State): string {
  const fields = FIELDS.filter((field) => state[field] !== "");
  return `#${new URLSearchParams(fields.map((field) => [field, state[field]]))}`;
}

/** How a series is called in addresses and choices. */
export function seriesName({ method, decoding }: { method: string; decoding: string }): string {
  return `${method} · ${decoding}`;
}
