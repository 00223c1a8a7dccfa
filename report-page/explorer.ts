import type { PageSeries, PageSet } from "../src/eval/report/page-data.js";
import { detailOf } from "./detail.js";
import { choice, element } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { QuestionList } from "./list.js";
import { chosen, questionAt, search } from "./questions.js";
import { readState, type Show, type State, seriesName, writeState } from "./state.js";

const SHOWS: readonly (readonly [Show, string])[] = [
  ["differ", "answers that differ"],
  ["gained", "not right on the left, right on the right"],
  ["lost", "right on the left, not on the right"],
  ["all", "all"],
];

/** Answers of two series side by side, question by question. */
export class Explorer {
  readonly #sets: readonly PageSet[];
  readonly #list: QuestionList;
  readonly #detail: HTMLDivElement = element("div", { class: "detail" });
  readonly #status: HTMLParagraphElement = element("p", { class: "note", role: "status" });
  readonly #filters: HTMLDivElement = element("div", { class: "filters" });
  readonly #search: HTMLInputElement = element("input", { type: "search", placeholder: "search" });
  #state: State;
  #places: readonly number[] = [];
  #position = 0;

  /** Puts itself into a box; what it shows first is said by the page's address. */
  constructor(sets: readonly PageSet[], box: HTMLElement) {
    this.#sets = sets;
    this.#list = new QuestionList(
      async (index) => {
        const { prompt, id } = await questionAt(this.#set, this.#number, index);
        const { left, right } = this.#pair;
        const marks = `${left.outcomes[index]}${right.outcomes[index]}`.replaceAll(".", "n");
        return { text: `${id} ${prompt}`, marks };
      },
      (position) => this.#pick(position),
    );
    this.#state = this.#completed(readState(location.hash));
    this.#search.addEventListener("input", () => this.#change({ search: this.#search.value }));
    box.append(
      this.#filters,
      this.#status,
      element("div", { class: "panes" }, this.#list.box, this.#detail),
    );
    this.#drawFilters();
    this.#find();
    listenToKeys(box, {
      next: () => this.#pick(this.#position + 1),
      previous: () => this.#pick(this.#position - 1),
      search: () => this.#search.focus(),
      swap: () => this.#change({ left: this.#state.right, right: this.#state.left }),
    });
    window.addEventListener("hashchange", () => {
      const given = readState(location.hash);
      if (Object.keys(given).length > 0) this.#change(given);
    });
  }

  get #number(): number {
    return Math.max(
      0,
      this.#sets.findIndex(({ name }) => name === this.#state.set),
    );
  }

  get #set(): PageSet {
    return this.#sets[this.#number]!;
  }

  get #pair(): { left: PageSeries; right: PageSeries } {
    const { series } = this.#set;
    const named = (name: string) => series.find((one) => seriesName(one) === name) ?? series[0]!;
    return { left: named(this.#state.left), right: named(this.#state.right) };
  }

  /** A state whose set and series there are. */
  #completed(given: Partial<State>): State {
    const set = this.#sets.find(({ name }) => name === given.set) ?? this.#sets[0]!;
    const names = set.series.map(seriesName);
    const first = set.series.find(({ method }) => method === "regular") ?? set.series[0]!;
    const decoded = set.series.filter(({ decoding }) => decoding.startsWith(first.decoding));
    const second =
      decoded.find(({ method }) => method !== "regular" && method !== "apc") ??
      decoded.find((one) => one !== first) ??
      first;
    const orElse = (name: string | undefined, series: PageSeries) =>
      name !== undefined && names.includes(name) ? name : seriesName(series);
    const left = orElse(given.left, first);
    const right = orElse(given.right, second);
    const variantsOf = (name: string) =>
      set.series.find((one) => seriesName(one) === name)?.variants;
    return {
      set: set.name,
      left,
      right,
      show: given.show ?? (variantsOf(left) === variantsOf(right) ? "all" : "differ"),
      search: given.search ?? "",
      question: given.question ?? "",
    };
  }

  #change(change: Partial<State>): void {
    this.#state = this.#completed({ ...this.#state, ...change });
    this.#drawFilters();
    this.#find();
  }

  #drawFilters(): void {
    const { series } = this.#set;
    const names = series.map((one) => [seriesName(one), seriesName(one)] as const);
    const sets = this.#sets.map(({ name }) => [name, name] as const);
    const hasOutcomes = series.some(({ outcomes }) => /[rwu]/.test(outcomes));
    const shows = SHOWS.filter(([show]) => hasOutcomes || show === "differ" || show === "all");
    const { set, left, right, show } = this.#state;
    const choices = [
      ...(sets.length > 1
        ? [[choice("Set", sets, (value) => this.#change({ set: value })), set] as const]
        : []),
      [choice("Left", names, (value) => this.#change({ left: value })), left] as const,
      [choice("Right", names, (value) => this.#change({ right: value })), right] as const,
      [choice("Show", shows, (value) => this.#change({ show: value as Show })), show] as const,
    ];
    for (const [{ select }, value] of choices) select.value = value;
    const help = this.#filters.querySelector(".help");
    const selects: Element[] = [...this.#filters.querySelectorAll("select")];
    const focused = document.activeElement === null ? -1 : selects.indexOf(document.activeElement);
    const wrote = document.activeElement === this.#search;
    const label = this.#search.closest("label") ?? element("label", {}, "Search ", this.#search);
    if (this.#search.value !== this.#state.search) this.#search.value = this.#state.search;
    this.#filters.replaceChildren(
      ...choices.map(([{ box }]) => box),
      label,
      ...(help === null ? [] : [help]),
    );
    if (focused >= 0) this.#filters.querySelectorAll("select")[focused]?.focus();
    else if (wrote) this.#search.focus();
  }

  /** Looks for the questions that the state asks for. */
  #find(): void {
    const state = this.#state;
    const { left, right } = this.#pair;
    const places = chosen(this.#set, left, right, state.show);
    if (state.search === "") {
      this.#show(places, "");
      return;
    }
    const isWanted = () => this.#state === state || this.#isSameSearch(state);
    search(this.#set, this.#number, places, state.search, isWanted, (found, share) => {
      this.#show(found, share < 1 ? `, ${Math.round(100 * share)}% searched` : "");
    }).catch((error: unknown) => this.#fail(error));
  }

  #isSameSearch(before: State): boolean {
    const { question: _, ...now } = this.#state;
    const { question: __, ...then } = before;
    return JSON.stringify(now) === JSON.stringify(then);
  }

  #show(places: readonly number[], more: string): void {
    this.#places = places;
    // The question that was looked at stays, where it is among them.
    const position = Math.max(0, places.indexOf(Number(this.#state.question) - 1));
    this.#status.textContent = `${places.length} of ${this.#set.questions} questions${more}`;
    this.#list.show(places, position);
    if (places.length > 0) this.#pick(position);
    else {
      const nothing =
        more === "" ? "No question is left: show all, or search for less." : "Looking…";
      this.#detail.replaceChildren(element("p", { class: "note" }, nothing));
    }
  }

  #pick(position: number): void {
    const index = this.#places[position];
    if (index === undefined) return;
    this.#position = position;
    this.#list.select(position);
    const { left, right } = this.#pair;
    const [set, number] = [this.#set, this.#number];
    questionAt(set, number, index).then(
      (question) => {
        if (this.#places[this.#position] !== index || this.#set !== set) return;
        this.#detail.replaceChildren(...detailOf(question, index, left, right));
        this.#state = { ...this.#state, question: String(index + 1) };
        if (this.#isUsed) history.replaceState(null, "", writeState(this.#state));
        this.#isUsed = true;
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** The address stays as it came until the reader does something. */
  #isUsed = false;

  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#status.textContent = message;
  }
}
