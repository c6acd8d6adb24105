// Asking once, before something that cannot be taken back.

import { h } from "../dom.ts";

/** True when the main button was pressed; Escape and the other button mean no. */
export function confirms(title: string, text: string, yes: string, no: string): Promise<boolean> {
  const go = h("button", { type: "button", class: "button main" }, yes);
  const stay = h("button", { type: "button", class: "button" }, no);
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h(
      "div",
      { class: "stack" },
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      h("div", { class: "row" }, go, stay),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  // The harmless one has the focus: Enter by a nervous hand ends nothing.
  stay.focus();
  return new Promise((done) => {
    let answer = false;
    go.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    stay.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(answer);
    });
  });
}
