// Keys of the player, as others have them; not while something is typed.

export interface Keys {
  toggle(): void;
  skip(seconds: number): void;
  share(of: number): void;
  faster(steps: number): void;
}

export function listenToKeys(shown: () => boolean, keys: Keys): void {
  document.addEventListener("keydown", (event) => {
    if (!shown() || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (target?.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const pressed = event.key === " " && target?.closest("button, a, summary") ? "" : event.key;
    const done = (act: () => void) => {
      event.preventDefault();
      act();
    };
    if (pressed === " " || pressed === "k") done(() => keys.toggle());
    else if (pressed === "j") done(() => keys.skip(-15));
    else if (pressed === "l") done(() => keys.skip(15));
    else if (pressed === "ArrowLeft") done(() => keys.skip(-5));
    else if (pressed === "ArrowRight") done(() => keys.skip(5));
    else if (pressed === "<") done(() => keys.faster(-1));
    else if (pressed === ">") done(() => keys.faster(1));
    else if (/^[0-9]$/.test(pressed)) done(() => keys.share(Number(pressed) / 10));
  });
}
