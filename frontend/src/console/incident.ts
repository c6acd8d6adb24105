// The record of what comes over the site: whether one is open, what it was judged to be so far, why;
// and the operator's word that opens or closes it.

import { h, say, set, show } from "../dom.ts";
import type { ConsoleContext } from "./context.ts";

export interface IncidentTold {
  readonly open: boolean;
  readonly from_ms: number;
  /** In the reader's language, from the site. */
  readonly says: string;
  readonly evidence: readonly string[];
  readonly document: string;
}

/** undefined: not an answer that this page can use; null: there is no record. */
export function readIncident(value: unknown): IncidentTold | null | undefined {
  const raw = (typeof value === "object" && value !== null ? value : {}) as { incident?: unknown };
  if (raw.incident === null) return null;
  if (typeof raw.incident !== "object" || raw.incident === undefined) return undefined;
  const one = raw.incident as Partial<Record<keyof IncidentTold, unknown>>;
  if (typeof one.open !== "boolean" || typeof one.from_ms !== "number") return undefined;
  const evidence = Array.isArray(one.evidence) ? (one.evidence as unknown[]) : [];
  return {
    open: one.open,
    from_ms: one.from_ms,
    says: typeof one.says === "string" ? one.says : "",
    evidence: evidence.filter((text): text is string => typeof text === "string"),
    document: typeof one.document === "string" ? one.document : "",
  };
}

export class Incident {
  readonly root: HTMLElement;
  private readonly context: ConsoleContext;
  private readonly state = h("p", { role: "status" });
  private readonly says = h("p", { class: "lead" });
  private readonly why = h("ul", { class: "small incident-why" });
  private readonly link = h("a", { target: "_blank", rel: "noopener" });
  private readonly button = h("button", {
    type: "button",
    id: "incident",
    class: "button compact",
  });
  private open = false;

  constructor(context: ConsoleContext, order: (open: boolean) => Promise<void>) {
    this.context = context;
    const { t } = context;
    this.button.addEventListener("click", () => {
      set(this.button, { disabled: true });
      void order(!this.open).finally(() => set(this.button, { disabled: null }));
    });
    this.root = h(
      "section",
      { class: "section stack", "aria-labelledby": "incident-title" },
      h("h2", { id: "incident-title" }, t("incident")),
      this.state,
      this.says,
      this.why,
      h("p", { class: "small" }, this.link),
      h("div", {}, this.button),
      h("p", { class: "help" }, t("incidentHelp")),
    );
    say(this.link, t("incidentData"));
    this.tell(null, "");
  }

  /** `since`: when it was opened, as a time of day. */
  tell(told: IncidentTold | null, since: string): void {
    const { t } = this.context;
    this.open = told?.open ?? false;
    say(
      this.state,
      !told
        ? t("incidentNone")
        : told.open
          ? t("incidentOpen", { time: since })
          : t("incidentOver", { time: since }),
    );
    say(this.says, told?.says ?? "");
    this.why.replaceChildren(...(told?.evidence ?? []).map((text) => h("li", {}, text)));
    show(this.says, told !== null);
    show(this.link, (told?.document ?? "") !== "");
    if (told) set(this.link, { href: told.document });
    say(this.button, this.open ? t("incidentClose") : t("incidentBegin"));
  }
}
