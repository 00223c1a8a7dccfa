import type { Role } from "./conversation.js";
import type { ImageVariant } from "./image-variant.js";

/** A piece of a turn as a stream sees it. */
export type ViewPart =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "image";
      /** Which of the request's images, counted from 0 in the order of the conversation. */
      readonly image: number;
      /** How the stream sees it. */
      readonly variant: ImageVariant;
    };

/** A turn as a stream sees it. */
export interface ViewTurn {
  readonly role: Role;
  readonly parts: readonly ViewPart[];
}

/** A conversation as a stream sees it: its images may be distorted or left out, its texts changed. Immutable. */
export type View = readonly ViewTurn[];

/** The view with every image seen in another way. */
export function mapImages(
  view: View,
  change: (variant: ImageVariant, image: number) => ImageVariant,
): View {
  return mapParts(view, (part) =>
    part.type === "image" ? [{ ...part, variant: change(part.variant, part.image) }] : [part],
  );
}

/** The view without its images. */
export function withoutImages(view: View): View {
  return mapParts(view, (part) => (part.type === "image" ? [] : [part]));
}

/** The view with the last user turn's parts changed: the question that is to be answered. */
export function mapQuestion(
  view: View,
  change: (parts: readonly ViewPart[]) => readonly ViewPart[],
): View {
  const last = view.findLastIndex(({ role }) => role === "user");
  return view.map((turn, i) => (i === last ? { ...turn, parts: change(turn.parts) } : turn));
}

/** One user turn with the images of the view's last turn that has any, and a text behind them. */
export function askAboutImages(view: View, text: string): View {
  const parts = view.findLast(({ parts }) => parts.some(isImage))?.parts.filter(isImage) ?? [];
  return [{ role: "user", parts: [...parts, { type: "text", text }] }];
}

/** The texts of the last user turn, joined. */
export function questionOf(view: View): string {
  return textOf(view.findLast(({ role }) => role === "user")?.parts ?? []);
}

/** The texts of some parts, joined. */
export function textOf(parts: readonly ViewPart[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function mapParts(view: View, change: (part: ViewPart) => readonly ViewPart[]): View {
  return view.map((turn) => ({ ...turn, parts: turn.parts.flatMap(change) }));
}

function isImage(part: ViewPart): boolean {
  return part.type === "image";
}
