// What the pages of posts do better with scripts: marks and older posts without a reload (htmx),
// the letters that are left, photos and videos that are sent while one writes.

import htmx from "htmx.org";
import { composer } from "./composer.ts";

// Our policy allows neither eval nor inline styles; htmx needs neither.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.historyCacheSize = 0;

for (const place of document.querySelectorAll<HTMLElement>("[data-left]")) {
  const text = place.closest("form")?.querySelector<HTMLTextAreaElement>("[data-text]");
  const most = Number(place.dataset["left"]);
  const words = place.textContent ?? "";
  if (!text) continue;
  const count = () => {
    const left = most - [...text.value.normalize("NFC").trim()].length;
    place.textContent = left === most ? words : words.replace(/\d[\d.,]*/, String(left));
    place.classList.toggle("over", left < 0);
  };
  text.addEventListener("input", count);
  count();
}

// Marks: the button's own address, sent aside; the new buttons come back in place of the old ones.
document.addEventListener("click", (event) => {
  const pressed = (event.target as Element).closest<HTMLButtonElement>("button.act[formaction]");
  const form = pressed?.form;
  const acts = pressed?.closest("footer");
  if (!pressed || !form || !acts) return;
  event.preventDefault();
  const values = Object.fromEntries(new FormData(form)) as Record<string, string>;
  void htmx.ajax("post", pressed.formAction, {
    source: form,
    target: acts,
    swap: "outerHTML",
    values: { ...values, [pressed.name]: pressed.value },
  });
});

// A menu closes when one presses elsewhere, or Escape.
const menus = "details.menu[open]";
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>(menus))
    if (!menu.contains(event.target as Node)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>(menus)) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-composer]"))
  composer(form);
