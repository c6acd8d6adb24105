// In line, out of line, turned away: number, estimate, what comes next, and the way on.

import { h, say, show } from "../dom.ts";
import { timeOfDay, writeNumber } from "../format.ts";
import { whenPanel } from "./before.ts";
import { button, type Context, type Panel, type View } from "./context.ts";
import { aheadAt, estimate, type InLine, worthTelling } from "./line.ts";
import { Comes } from "./rungs.ts";
import { standing } from "./scene.ts";

export interface LineActs {
  /** In a press: it may sound by itself from now on. */
  listen(): void;
  leave(): void;
  again(): void;
  phrase(text: string): void;
}

/** "About 3 minutes.", or why it cannot be said. */
export function estimateWords(context: Context, seconds: number | null): string {
  const { t } = context;
  const about = estimate(seconds);
  switch (about.unit) {
    case "unknown":
      return t("estimateUnknown");
    case "soon":
      return t("estimateSoon");
    case "minutes":
      return t("estimateMinutes", { n: about.n });
    case "hours":
      return t("estimateHours", { n: about.n });
    case "longer":
      return t("estimateLonger", { n: about.n });
  }
}

export function linePanel(context: Context, acts: LineActs): Panel {
  const { t, locale, zone } = context;
  const head = h("h2", {}, t("line"));
  const when = whenPanel(context);
  const kicker = h("p", { class: "kicker" });
  const figure = h("p", { class: "place-number number" });
  const lead = h("p", { class: "lead place-estimate" });
  const ahead = h("p", { class: "soft number" });
  const lane = h("p", { class: "soft" });
  const drawn = h("p", { class: "place-drawn" });
  const spoken = h("p", { class: "visually-hidden", role: "status" });
  const keep = h("p", {}, t("lineKeep"));
  const sound = button("sound", t("lineSound"), "button main");
  sound.id = "line-sound";
  sound.addEventListener("click", acts.listen);
  const armed = h("p", { class: "notice", role: "status", hidden: true }, t("lineArmed"));
  const leave = h("button", { type: "button", id: "leave-line", class: "button" }, t("leave"));
  leave.addEventListener("click", acts.leave);
  const comes = new Comes(context);
  let told: InLine | null = null;
  let told_ms = 0;

  const words = (line: InLine, { model }: View): string => {
    if (line.called && line.final) return t("lineCalled");
    if (model.state?.phase === "announced" || model.serving?.door === "early")
      return t("lineEarly", { time: timeOfDay(model.state?.doors_ms ?? 0, zone, locale) });
    if (model.serving?.door === "closed") return t("lineClosed");
    return estimateWords(context, line.estimate_s);
  };

  const root = h(
    "div",
    { class: "panel stack wide" },
    h("div", { class: "stack tight" }, head, when, lane),
    h("div", { class: "place" }, kicker, figure, lead, ahead, drawn),
    spoken,
    h("div", { class: "stack" }, keep, h("div", {}, sound), armed),
    comes.root,
    h("div", {}, leave),
  );
  return {
    root,
    update(view) {
      const { model, now_ms } = view;
      const line = standing(model);
      if (!line) return;
      const early = model.state?.phase === "announced" || model.serving?.door === "early";
      when.tell(early ? (model.state?.starts_ms ?? null) : null);
      // Where nobody is drawn by lot, numbers count before the doors too.
      const lot = early && context.config.way !== "first_come";
      const name = lot ? t("lineSoFar") : line.final ? t("lineNumber") : t("lineNumberNow");
      // Before the doors nobody has a number that counts: so many are to be shuffled.
      const n = lot ? Math.max(line.number, model.serving?.waiting ?? 0) : line.number;
      say(kicker, name);
      say(figure, writeNumber(n, locale));
      say(lead, words(line, view));
      const before = aheadAt(line, now_ms);
      say(ahead, before > 0 ? t("lineAhead", { n: before }) : t("lineNext"));
      show(ahead, !lot);
      show(drawn, !line.final);
      say(drawn, lot ? t("lineShuffled") : t("lineDrawn"));
      const whose = {
        guest: t("laneGuest"),
        reminder: t("laneReminder"),
        member: t("laneMember"),
        anyone: "",
      }[line.lane];
      show(lane, whose !== "");
      say(lane, whose);
      show(sound, !model.wanted);
      show(armed, model.wanted);
      comes.tell(model.state?.rung ?? null);
      if (worthTelling(line, told, now_ms - told_ms)) {
        told = line;
        told_ms = now_ms;
        say(spoken, `${name} ${writeNumber(n, locale)}. ${lead.textContent}`);
      }
    },
  };
}

export function leftPanel(context: Context, acts: LineActs): Panel {
  const { t } = context;
  const again = h(
    "button",
    { type: "button", id: "line-again", class: "button main" },
    t("leftAgain"),
  );
  again.addEventListener("click", acts.again);
  return {
    root: h(
      "div",
      { class: "panel stack" },
      h(
        "div",
        { class: "stack", role: "status" },
        h("h2", {}, t("left")),
        h("p", {}, t("leftText")),
      ),
      h("div", {}, again),
    ),
    update() {},
  };
}

/** The door is closed to newcomers, or one was put out above the floor: why, and when again. */
export function turnedPanel(context: Context, title: string, text: string): Panel {
  const { t } = context;
  const promise = h("p", { class: "promise" });
  const retry = h("p", { class: "soft number" });
  const root = h(
    "div",
    { class: "panel stack" },
    h(
      "div",
      { class: "stack", role: "status" },
      h("h2", {}, title),
      h("p", { class: "lead" }, text),
      promise,
    ),
    retry,
  );
  return {
    root,
    update({ model, now_ms }) {
      const promised = model.state?.promise_ms ?? null;
      say(promise, promised === null ? t("fullPromise") : promiseWords(context, promised, now_ms));
      const left = model.door.at === "refused" ? model.door.retry_at_ms - now_ms : 0;
      say(retry, left > 0 ? t("fullRetry", { n: Math.ceil(left / 1000) }) : t("fullAsking"));
    },
  };
}

/** "The recording will be here by 21:40.", and afterwards that it is late. */
export function promiseWords(context: Context, promise_ms: number, now_ms: number): string {
  const { t, zone, locale } = context;
  const time = timeOfDay(promise_ms, zone, locale);
  return now_ms > promise_ms ? t("promiseLate", { time }) : t("promiseBy", { time });
}

export function invitePanel(context: Context, acts: LineActs): Panel {
  const { t } = context;
  const field = h("input", {
    id: "phrase",
    name: "phrase",
    type: "text",
    maxlength: 200,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    required: true,
  });
  const wrong = h("p", { id: "phrase-wrong", class: "error", role: "alert", hidden: true });
  const form = h(
    "form",
    { class: "form" },
    h("div", { class: "field" }, h("label", { for: "phrase" }, t("invitePhrase")), field, wrong),
    h("div", {}, h("button", { type: "submit", class: "button main" }, t("inviteGo"))),
  );
  let tried = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tried = true;
    acts.phrase(field.value);
  });
  return {
    root: h(
      "div",
      { class: "panel stack wide" },
      h("div", { class: "stack tight" }, h("h2", {}, t("invite")), h("p", {}, t("inviteText"))),
      form,
    ),
    update({ model }) {
      const refused = tried && model.door.at === "refused" && model.door.reason === "invite";
      show(wrong, refused);
      say(wrong, refused ? t("inviteWrong") : "");
      if (refused) field.setAttribute("aria-describedby", "phrase-wrong");
      field.toggleAttribute("aria-invalid", refused);
      if (refused) field.setAttribute("aria-invalid", "true");
    },
  };
}

/** The door asks for work, which goes on by itself: nothing to read, nothing to press. */
export function proofPanel(context: Context, failed: () => boolean): Panel {
  const { t } = context;
  const title = h("h2", {}, t("proof"));
  const text = h("span", {}, t("proofText"));
  const busy = h("span", { class: "busy", "aria-hidden": "true" });
  const ways = h("p", { class: "soft" });
  return {
    root: h(
      "div",
      { class: "panel stack" },
      h(
        "div",
        { class: "stack", role: "status" },
        title,
        h("p", { class: "lead row" }, busy, text),
      ),
      ways,
    ),
    update() {
      show(busy, !failed());
      say(text, failed() ? t("proofFailed") : t("proofText"));
      say(ways, t("proofWays"));
    },
  };
}

/** Over, and the recording is not there yet: until when it is promised. */
export function preparingPanel(context: Context): Panel {
  const { t } = context;
  const promise = h("p", { class: "promise" });
  return {
    root: h(
      "div",
      { class: "panel stack", role: "status" },
      h("h2", {}, t("over")),
      h(
        "p",
        { class: "lead row" },
        h("span", { class: "busy", "aria-hidden": "true" }),
        h("span", {}, t("preparing")),
      ),
      promise,
    ),
    update({ model, now_ms }) {
      const promised = model.state?.promise_ms ?? null;
      show(promise, promised !== null);
      if (promised !== null) say(promise, promiseWords(context, promised, now_ms));
    },
  };
}
