const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Text as Markdown shows it, in one line: no tags, links, pictures or columns of its own. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/[\\`*[\]|]/g, "\\$&")
    .replaceAll(/[&<>]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/\s*[\r\n]+\s*/g, " ");
}
