// What state.json tells beyond what listeners' pages need. Read with care: gates may be newer.

type Json = Readonly<Record<string, unknown>>;
const object = (value: unknown): Json | null =>
  typeof value === "object" && value !== null ? (value as Json) : null;
const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

export interface Standing {
  /** 0: nothing is given up. */
  readonly n: number;
  readonly since_ms: number;
  readonly by: "load" | "hold" | "force";
}

export interface GateTold {
  /** null: this gate knows of no ladder. */
  readonly rung: Standing | null;
  readonly promise_ms: number | null;
  readonly in_line: number | null;
  readonly peak: number | null;
  readonly joined: number | null;
  readonly refused: number | null;
  /** Whether a rehearsal has proven the seats; null: it is not told. */
  readonly certificate: "none" | "outdated" | "proven" | null;
}

export function readGate(value: unknown): GateTold {
  const raw = object(value) ?? {};
  const counts = object(raw["counts"]) ?? {};
  const rung = object(raw["rung"]);
  const by = rung?.["by"];
  return {
    rung:
      "rung" in raw
        ? {
            n: number(rung?.["n"]) ?? 0,
            since_ms: number(rung?.["since_ms"]) ?? 0,
            by: by === "hold" || by === "force" ? by : "load",
          }
        : null,
    promise_ms: number(raw["promise_ms"]),
    in_line: number(counts["in_line"]),
    peak: number(counts["peak"]),
    joined: number(counts["joined"]),
    refused: number(counts["refused"]),
    certificate: "certificate" in raw ? certificateOf(raw["certificate"]) : null,
  };
}

/** null: there is none. One with a notice does not hold here any more. */
function certificateOf(value: unknown): "none" | "outdated" | "proven" {
  const found = object(value);
  if (!found) return "none";
  const notice = found["notice"];
  return typeof notice === "string" && notice !== "" ? "outdated" : "proven";
}
