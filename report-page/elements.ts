type Child = Node | string;

/** An element with attributes and children. Texts stay texts, whatever they hold. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A labelled choice. */
export function choice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  onChange: (value: string) => void,
): { box: HTMLLabelElement; select: HTMLSelectElement } {
  const select = element("select");
  for (const [value, text] of options) select.append(element("option", { value }, text));
  select.addEventListener("change", () => onChange(select.value));
  return { box: element("label", {}, `${label} `, select), select };
}
