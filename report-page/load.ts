import { PAGE_CALLBACK, PAGE_FOLDER } from "../src/eval/report/page-data.js";

const waiting = new Map<string, (content: unknown) => void>();
const loaded = new Map<string, Promise<unknown>>();

/** Takes what the scripts beside the page hold. */
export function listen(): void {
  Object.defineProperty(window, PAGE_CALLBACK, {
    value: (name: string, content: unknown) => waiting.get(name)?.(content),
  });
}

/** The content of a script beside the page, which is loaded once. */
export function load<T>(name: string): Promise<T> {
  const before = loaded.get(name);
  if (before !== undefined) return before as Promise<T>;
  const content = new Promise<unknown>((resolve, reject) => {
    waiting.set(name, resolve);
    const script = document.createElement("script");
    script.src = `${PAGE_FOLDER}/${name}.js`;
    script.onload = () => script.remove();
    script.onerror = () => {
      script.remove();
      loaded.delete(name);
      reject(
        new Error(`${PAGE_FOLDER}/${name}.js cannot be read: keep the folder beside the page`),
      );
    };
    document.head.append(script);
  });
  loaded.set(name, content);
  return content as Promise<T>;
}
