import { element } from "./elements.js";

const ROW_HEIGHT = 40;
/** Rows beyond the visible ones that are there, above and below. */
const MARGIN = 6;

/** What a list shows in a row: at once, or when its text is loaded. */
export type RowText = (index: number) => Promise<{ text: string; marks: string }>;

/** A list of any length: only the rows that can be seen are there. */
export class QuestionList {
  readonly box: HTMLDivElement = element("div", {
    class: "list",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Questions",
  });
  readonly #rows: HTMLDivElement = element("div", { class: "rows", role: "presentation" });
  readonly #rowText: RowText;
  readonly #onPick: (position: number) => void;
  #places: readonly number[] = [];
  #position = 0;
  /** Counts what was shown: rows whose text comes too late are not filled. */
  #turn = 0;

  constructor(rowText: RowText, onPick: (position: number) => void) {
    this.#rowText = rowText;
    this.#onPick = onPick;
    this.box.append(this.#rows);
    this.box.addEventListener("scroll", () => this.#draw(), { passive: true });
    this.#rows.addEventListener("click", ({ target }) => {
      const row = target instanceof Element ? target.closest<HTMLElement>("[data-position]") : null;
      if (row !== null) onPick(Number(row.dataset.position));
    });
    this.box.addEventListener("keydown", (event) => this.#move(event));
    new ResizeObserver(() => this.#draw()).observe(this.box);
  }

  /** Shows other questions, and which of them is chosen. */
  show(places: readonly number[], position: number): void {
    this.#places = places;
    this.#rows.style.height = `${places.length * ROW_HEIGHT}px`;
    this.select(position);
  }

  /** Marks a row and brings it into sight. */
  select(position: number): void {
    this.#position = position;
    const top = position * ROW_HEIGHT;
    const height = this.box.clientHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW_HEIGHT > this.box.scrollTop + height) {
      this.box.scrollTop = top + ROW_HEIGHT - height;
    }
    this.#draw();
  }

  #draw(): void {
    const turn = ++this.#turn;
    const visible = Math.ceil(this.box.clientHeight / ROW_HEIGHT);
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_HEIGHT) - MARGIN);
    const last = Math.min(this.#places.length, first + visible + 2 * MARGIN);
    const rows: HTMLElement[] = [];
    for (let position = first; position < last; position++) rows.push(this.#row(position, turn));
    this.#rows.replaceChildren(...rows);
    this.box.setAttribute("aria-activedescendant", `question-${this.#position}`);
  }

  #row(position: number, turn: number): HTMLElement {
    const row = element("div", {
      id: `question-${position}`,
      role: "option",
      class: "row",
      "data-position": String(position),
      "aria-setsize": String(this.#places.length),
      "aria-posinset": String(position + 1),
      "aria-selected": String(position === this.#position),
    });
    row.style.top = `${position * ROW_HEIGHT}px`;
    void this.#rowText(this.#places[position]!).then(
      ({ text, marks }) => {
        if (turn !== this.#turn) return;
        const outcomes = [...marks].map((mark) => element("i", { class: `mark ${mark}` }));
        row.append(...outcomes, element("span", {}, text));
      },
      () => row.append("cannot be read"),
    );
    return row;
  }

  #move(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW_HEIGHT) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#places.length,
      End: this.#places.length,
    };
    const step = steps[event.key];
    if (step === undefined || this.#places.length === 0) return;
    event.preventDefault();
    this.#onPick(Math.min(this.#places.length - 1, Math.max(0, this.#position + step)));
  }
}
