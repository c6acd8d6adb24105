// The form for a post with scripts: photos and a video are sent while one writes, with progress,
// a description and a focal point each; without scripts the form sends them itself.

import { h } from "../dom.ts";
import { fill, asLang } from "../text.ts";
import { site as en } from "../text/en.json";
import { site as gu } from "../text/gu.json";
import { site as hi } from "../text/hi.json";
import { Refused, upload } from "./tus.ts";

const PHOTOS_MAX = 4;
const lang = asLang(document.documentElement.lang);
const words = { en, gu, hi }[lang];

interface Piece {
  readonly row: HTMLLIElement;
  readonly stop: AbortController;
  name: string;
}

export function composer(form: HTMLFormElement): void {
  const list = form.querySelector<HTMLUListElement>("[data-media]");
  const plain = form.querySelector<HTMLElement>("[data-plain]");
  const attached = form.querySelector<HTMLInputElement>("[data-attached]");
  const send = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const uploads = form.dataset["uploads"] ?? "";
  const photos = form.dataset["photos"] ?? "";
  const token = form.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
  if (!list || !plain || !attached || !send) return;
  const pieces: Piece[] = [];
  let video = false;

  const choose = h("input", {
    type: "file",
    accept: "image/*,video/*",
    multiple: true,
    class: "visually-hidden",
    id: "choose-media",
  });
  const label = h("label", { class: "button", for: "choose-media" }, words.addMedia);
  plain.replaceWith(h("div", { class: "row" }, choose, label));
  choose.addEventListener("change", () => {
    for (const file of choose.files ?? []) add(file);
    choose.value = "";
  });
  form.addEventListener("paste", (event) => {
    for (const file of event.clipboardData?.files ?? []) add(file);
  });

  function settle(): void {
    attached!.value = pieces
      .map((one) => one.name)
      .filter(Boolean)
      .join(" ");
    send!.disabled = pieces.some((one) => !one.name);
    label.hidden = choose.disabled = video || pieces.length >= PHOTOS_MAX;
  }

  function drop(piece: Piece): void {
    piece.stop.abort();
    piece.row.remove();
    pieces.splice(pieces.indexOf(piece), 1);
    if (!pieces.length) video = false;
    if (piece.name)
      void fetch(`${uploads}${piece.name}/state`, {
        method: "DELETE",
        headers: { "X-CSRFToken": token },
      });
    settle();
  }

  function add(file: File): void {
    const moving = file.type.startsWith("video/");
    if (pieces.length >= (moving ? 1 : PHOTOS_MAX) || video) return;
    const row = h("li");
    const piece: Piece = { row, stop: new AbortController(), name: "" };
    const bar = h("progress", { max: 1, "aria-label": file.name });
    const status = h("p", { class: "small soft", role: "status" }, words.sending);
    const remove = h("button", { type: "button", class: "button compact" }, words.remove);
    remove.addEventListener("click", () => drop(piece));
    const about = h("div", { class: "stack tight" }, status, bar, remove);
    row.append(h("div", {}, file.name), about);
    list!.append(row);
    pieces.push(piece);
    video = moving;
    settle();
    const sent = moving
      ? upload(file, uploads, (done) => told(done), piece.stop.signal).then((name) => ({
          name,
          shown: "",
        }))
      : photo(file, piece.stop.signal);
    sent
      .then(({ name, shown }) => {
        piece.name = name;
        bar.remove();
        status.textContent = moving ? words.videoSent : words.photoSent;
        if (shown) row.firstElementChild?.replaceWith(picture(piece, shown));
        status.after(description(piece));
        settle();
      })
      .catch((error: unknown) => {
        if (piece.stop.signal.aborted) return;
        bar.remove();
        status.textContent =
          error instanceof Refused && error.message ? error.message : words.sendFailed;
        status.className = "error";
        settle();
      });

    function told(done: number): void {
      bar.value = done;
      status.textContent = fill(words.sentPart, lang, { percent: Math.round(done * 100) });
    }
  }

  async function photo(file: File, signal: AbortSignal): Promise<{ name: string; shown: string }> {
    const body = new FormData();
    body.set("file", file);
    const answer = await fetch(photos, {
      method: "POST",
      headers: { "X-CSRFToken": token },
      body,
      signal,
    });
    const told = (await answer.json()) as { name?: string; shown?: string; says?: string };
    if (!told.name) throw new Refused(told.says ?? "");
    return { name: told.name, shown: told.shown ?? "" };
  }

  function save(piece: Piece, values: Record<string, string>): void {
    const body = new FormData();
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    void fetch(`${uploads}${piece.name}/state`, {
      method: "POST",
      headers: { "X-CSRFToken": token },
      body,
      keepalive: true,
    });
  }

  function description(piece: Piece): HTMLElement {
    const text = h("textarea", { rows: 2, maxlength: 1500, "aria-label": words.describe });
    text.placeholder = words.describe;
    text.addEventListener("change", () => save(piece, { alt: text.value }));
    return text;
  }

  /** The photo, on which one shows with a press what must stay to be seen. */
  function picture(piece: Piece, at: string): HTMLElement {
    const image = h("img", { src: at, alt: "" });
    const button = h("button", { type: "button", class: "plain focal", title: words.focal }, image);
    button.addEventListener("click", (event) => {
      const box = image.getBoundingClientRect();
      if (!event.detail || !box.width || !box.height) return;
      const part = (place: number, whole: number) => Math.min(1, Math.max(0, place / whole));
      const x = part(event.clientX - box.left, box.width);
      const y = part(event.clientY - box.top, box.height);
      button.querySelector("i")?.remove();
      const spot = h("i");
      spot.style.left = `${x * 100}%`;
      spot.style.top = `${y * 100}%`;
      button.append(spot);
      save(piece, { focus: `${x.toFixed(3)},${y.toFixed(3)}` });
    });
    return button;
  }
}
