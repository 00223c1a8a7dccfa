import { element } from "./elements.js";

/** What keys do, for the page and for who asks. */
export interface Keys {
  readonly next: () => void;
  readonly previous: () => void;
  readonly search: () => void;
  readonly swap: () => void;
}

const HELP: readonly (readonly [keys: string, what: string])[] = [
  ["j, k", "next and previous question"],
  ["arrows, Page Up, Page Down, Home, End", "the same, within the list"],
  ["/", "search"],
  ["s", "swap left and right"],
  ["Esc", "leave the search"],
  ["?", "this help"],
];

/** Listens to keys, except where somebody writes. */
export function listenToKeys(box: HTMLElement, keys: Keys): void {
  const help = helpDialog();
  box.append(help);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const { target } = event;
    if (target instanceof HTMLInputElement && target.type === "search") {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (target instanceof HTMLSelectElement) return;
    const actions: Readonly<Record<string, () => void>> = {
      j: keys.next,
      k: keys.previous,
      s: keys.swap,
      "/": keys.search,
      "?": () => help.showModal(),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
  const button = element("button", { type: "button", class: "help" }, "Keys (?)");
  button.addEventListener("click", () => help.showModal());
  box.querySelector(".filters")?.append(button);
}

function helpDialog(): HTMLDialogElement {
  const rows = HELP.map(([keys, what]) =>
    element("tr", {}, element("th", { scope: "row" }, keys), element("td", {}, what)),
  );
  const close = element("button", { type: "button" }, "Close");
  const dialog = element(
    "dialog",
    { "aria-label": "Keys" },
    element("h3", {}, "Keys"),
    element("table", {}, ...rows),
    close,
  );
  close.addEventListener("click", () => dialog.close());
  return dialog;
}
