// Announced, doors open, full, called off: what stands where the player will be.

import { iCalendar } from "../calendar.ts";
import { countdown } from "../countdown.ts";
import { h, say, set, show } from "../dom.ts";
import { elsewhere, knownZone, moment, sameClock, timeOfDay, zoneName } from "../format.ts";
import { button, type Context, type Panel, type View } from "./context.ts";
import { EARLY_MS } from "./line.ts";

/** When it begins: in the reader's zone first, then as it was announced. */
export function whenPanel(
  context: Context,
): HTMLElement & { tell(starts_ms: number | null): void } {
  const { t, locale, zone } = context;
  const main = h("time", { class: "when-here" });
  const there = h("span", { class: "soft" });
  const root = Object.assign(h("p", { class: "when" }, main, there), {
    tell(starts_ms: number | null) {
      show(root, starts_ms !== null);
      if (starts_ms === null) return;
      const announced = knownZone(context.config.zone);
      const same = sameClock(starts_ms, announced, zone);
      const here = moment(starts_ms, zone, locale);
      set(main, { datetime: new Date(starts_ms).toISOString() });
      say(main, same ? `${here} ${zoneName(starts_ms, zone, locale)}` : `${here} ${t("yourTime")}`);
      say(there, same ? "" : elsewhere(starts_ms, announced, zone, locale));
    },
  });
  return root;
}

/** This page, as it is handed on: without language and pass. */
function here(): string {
  return location.origin + location.pathname;
}

function countdownPanel(context: Context): HTMLElement & { tell(view: View): void } {
  const { t } = context;
  const label = h("p", { class: "kicker" }, t("begins"));
  const days = h("span", { class: "countdown-days" });
  const clock = h("span", { class: "countdown-clock" });
  const time = h(
    "time",
    { class: "countdown", role: "timer", "aria-label": t("countdownLabel") },
    days,
    clock,
  );
  const root = Object.assign(h("div", { class: "countdown-box" }, label, time), {
    tell({ model, now_ms }: View) {
      const starts = model.state ? model.state.starts_ms : context.config.starts_ms;
      show(root, starts !== null);
      if (starts === null) return;
      const left = countdown(starts, now_ms);
      show(time, left !== null);
      say(label, left ? t("begins") : t("anyMoment"));
      if (!left) return;
      say(days, left.days > 0 ? t("days", { n: left.days }) : "");
      say(clock, left.clock);
      set(time, { datetime: left.iso });
    },
  });
  return root;
}

/** What a reader came with: a pass, perhaps just now given for a reminder. */
export interface CameWith {
  readonly pass: string | null;
  readonly reminded: boolean;
}

export function announcedPanel(context: Context, came: () => CameWith): Panel {
  const { t, config, zone, locale } = context;
  const when = whenPanel(context);
  const count = countdownPanel(context);
  const doors = h("p", { class: "soft" });
  const early = h("p", { class: "soft" });
  const set = h("p", { class: "notice", role: "status", hidden: true }, t("remindSet"));
  const remind = h("a", { class: "button", id: "remind", href: config.remind }, t("remind"));
  const member = h("a", { class: "button quiet", id: "member", href: config.member }, t("member"));
  const calendar = button("calendar", t("calendar"));
  const share = button("share", t("share"));
  const told = h("p", { class: "soft small", role: "status" });
  calendar.addEventListener("click", () => {
    if (config.starts_ms === null) return;
    const text = iCalendar({
      uid: config.uid,
      title: config.title,
      // The link in the calendar carries the pass: by it one stands among those who set one.
      url: here() + (came().reminded ? `#pass=${came().pass}` : ""),
      starts_ms: config.starts_ms,
      stamp_ms: Date.now(),
    });
    const url = URL.createObjectURL(new Blob([text], { type: "text/calendar" }));
    h("a", { href: url, download: `${config.slug}.ics` }).click();
    window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });
  share.addEventListener("click", () => {
    const url = here();
    if (navigator.share) {
      navigator.share({ title: config.title, url }).catch(() => undefined);
      return;
    }
    navigator.clipboard.writeText(url).then(
      () => say(told, t("shareCopied")),
      () => say(told, t("copyFailed")),
    );
  });
  const root = h(
    "div",
    { class: "panel stack wide" },
    when,
    count,
    h("div", { class: "stack tight" }, doors, early),
    set,
    h(
      "div",
      { class: "stack tight" },
      h("div", { class: "row" }, remind, calendar, share, member),
      told,
    ),
  );
  return {
    root,
    update(view) {
      const starts = view.model.state ? view.model.state.starts_ms : config.starts_ms;
      when.tell(starts);
      count.tell(view);
      const { reminded, pass } = came();
      const opens = view.model.state?.doors_ms ?? null;
      const from = opens === null ? null : opens - EARLY_MS;
      // A reminder is set beforehand; who is in time for the line needs none.
      const ahead = from === null || from > view.now_ms;
      show(set, reminded);
      show(remind, config.remind !== "" && starts !== null && pass === null && ahead);
      show(member, config.member !== "" && pass === null);
      show(calendar, starts !== null && (config.remind === "" || reminded || !ahead));
      show(doors, opens !== null && opens > view.now_ms);
      show(early, from !== null && ahead);
      if (opens !== null) say(doors, t("doorsAt", { time: timeOfDay(opens, zone, locale) }));
      if (from !== null) {
        const lot = config.way === "first_come" ? "" : ` ${t("earlyLot")}`;
        say(early, t("earlyFrom", { time: timeOfDay(from, zone, locale) }) + lot);
      }
    },
  };
}

export function doorsPanel(context: Context, listen: () => void): Panel {
  const { t } = context;
  const when = whenPanel(context);
  const count = countdownPanel(context);
  const seat = h("p", { class: "seat-line", role: "status" });
  const press = button("play", t("listenThen"), "button main big");
  press.id = "listen-then";
  press.addEventListener("click", listen);
  const armed = h("p", { class: "notice", role: "status", hidden: true });
  const root = h(
    "div",
    { class: "panel stack wide" },
    h("h2", {}, t("doors")),
    when,
    count,
    h("div", { class: "stack" }, seat, h("div", {}, press), armed),
  );
  return {
    root,
    update(view) {
      const { model } = view;
      when.tell(model.state?.starts_ms ?? null);
      count.tell(view);
      const admitted = model.door.at === "in";
      const alone = model.state?.starts_ms === null;
      say(
        seat,
        !admitted ? t("seatAsking") : alone ? `${t("seatIn")} ${t("startsAlone")}` : t("seatIn"),
      );
      show(press, !model.wanted);
      show(armed, model.wanted);
      say(armed, `${t("armed")} ${t("armedKeep")}`);
    },
  };
}

export function fullPanel(context: Context): Panel {
  const { t } = context;
  const seats = h("p", { class: "lead" });
  const retry = h("p", { class: "soft number" });
  const root = h(
    "div",
    { class: "panel stack", role: "status" },
    h("h2", {}, t("full")),
    seats,
    h("p", {}, t("fullPromise")),
  );
  // The count goes down each second: outside the live region, or it would be read out.
  const whole = h("div", { class: "stack" }, root, retry);
  return {
    root: whole,
    update({ model, now_ms }) {
      say(
        seats,
        model.state && model.state.seats > 0 ? t("fullSeats", { n: model.state.seats }) : "",
      );
      const left = model.door.at === "refused" ? model.door.retry_at_ms - now_ms : 0;
      say(retry, left > 0 ? t("fullRetry", { n: Math.ceil(left / 1000) }) : t("fullAsking"));
    },
  };
}

export function plainPanel(title: string, text: string, busy = false): Panel {
  const sign = busy ? h("span", { class: "busy", "aria-hidden": "true" }) : null;
  return {
    root: h(
      "div",
      { class: "panel stack", role: "status" },
      h("h2", {}, title),
      h("p", { class: "lead row" }, sign, h("span", {}, text)),
    ),
    update() {},
  };
}
