// Making and changing elements. Text is always set as text, never as HTML.

type Child = Node | string | null | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** An element: attributes by name ("class", "aria-label"); true sets an empty one, null none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  append(element, children);
  return element;
}

export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) if (child) element.append(child);
}

/** Changes the text only when it is another: screen readers announce every change. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) element.hidden = !shown;
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/** The page's data block, written by the template. */
export function config<T>(): T {
  return JSON.parse(byId("config").textContent ?? "") as T;
}

const ICONS = {
  play: "M8 5.500v13l10.500-6.500z",
  pause: "M8.500 5.500v13M15.500 5.500v13",
  sound:
    "M4 9.500v5h3.500l4.500 4v-13l-4.500 4zM15.500 9a4 4 0 0 1 0 6M18 6.500a7.500 7.500 0 0 1 0 11",
  silent: "M4 9.500v5h3.500l4.500 4v-13l-4.500 4zM16 9.500l5 5M21 9.500l-5 5",
  microphone:
    "M12 3.500a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0v-5a3 3 0 0 0-3-3zM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3",
  muted:
    "M9 7v4.500a3 3 0 0 0 5 2.200M15 11v-4.500a3 3 0 0 0-5.800-1M5.500 11.500a6.500 6.500 0 0 0 10.500 5.100M18.500 11.500a6 6 0 0 1-.500 2.500M12 18v3M4 4l16 16",
  download: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14",
  share: "M12 15V4M8 7.500 12 4l4 3.500M6.500 11H5v9h14v-9h-1.500",
  calendar: "M5 6h14v14H5zM5 10h14M9 3.500v4M15 3.500v4",
} as const;
export type IconName = keyof typeof ICONS;

/** A drawn sign of 24 by 24; hidden from screen readers, so its button needs a name. */
export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  set(svg, {
    viewBox: "0 0 24 24",
    "aria-hidden": "true",
    "stroke-width": name === "pause" ? 4 : 2,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
  set(path, { d: ICONS[name], ...(name === "play" ? { fill: "currentColor" } : {}) });
  svg.append(path);
  return svg;
}
