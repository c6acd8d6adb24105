// Four plots over one time axis, drawn by uPlot. Each says in words what it shows.

import uPlot from "uplot";
import { h, say, set } from "../dom.ts";
import { type ConsoleContext, type Say, timeOn } from "./context.ts";
import {
  type FigureName,
  reach,
  type Rows,
  type Shade,
  shades,
  summary,
  top,
  type Value,
} from "./figures.ts";

interface Line {
  readonly name: FigureName;
  readonly label: string;
  /** Which of the styles below; the dash tells lines apart where colours do not. */
  readonly style: 0 | 1 | 2;
  readonly scale: "y" | "right";
  readonly write: (value: number) => string;
}

interface About {
  readonly title: string;
  readonly lines: readonly Line[];
  /** The axes reach at least so high. */
  readonly least: number;
  readonly leastRight?: number;
}

const STYLES = [
  { colour: "--plot-1", dash: [] },
  { colour: "--plot-2", dash: [7, 4] },
  { colour: "--plot-3", dash: [2, 3] },
] as const;
const HEIGHT = 168;
const LEFT = 60;
const RIGHT = 52;
const SAID_EVERY_MS = 10_000;

function abouts(t: Say, write: (n: number) => string): About[] {
  const percent = (share: number) => t("percent", { x: Math.round(share * 100) });
  const line = (
    name: FigureName,
    label: string,
    style: Line["style"],
    how = write,
    scale: Line["scale"] = "y",
  ): Line => ({ name, label, style, scale, write: how });
  return [
    {
      title: t("plotCrowd"),
      least: 10,
      lines: [
        line("listening", t("listening"), 0),
        line("admitted", t("admitted"), 1),
        line("in_line", t("inLine"), 2),
      ],
    },
    {
      title: t("plotDoor"),
      least: 5,
      lines: [line("joins_per_s", t("joins"), 0), line("refusals_per_s", t("refusals"), 1)],
    },
    {
      title: t("plotLoad"),
      least: 100,
      leastRight: 1,
      lines: [
        line("p99_ms", t("p99"), 0, (n) => t("ms", { x: n })),
        line("cpu", t("cpu"), 1, percent, "right"),
      ],
    },
    {
      title: t("plotBandwidth"),
      least: 10,
      lines: [
        line("mbit", t("sent"), 0, (n) => t("metricMbit", { x: n })),
        line("requests_per_s", t("requests"), 2, write, "right"),
      ],
      leastRight: 10,
    },
  ];
}

export class Plots {
  readonly root = h("div", { class: "plots" });
  private readonly plots: Plot[];

  constructor(context: ConsoleContext) {
    const format = new Intl.NumberFormat(context.locale, { maximumFractionDigits: 1 });
    const made = abouts(context.t, (n) => format.format(n));
    this.plots = made.map((about) => new Plot(context, about));
    this.root.append(...this.plots.map((plot) => plot.root));
    new ResizeObserver(() => this.plots.forEach((plot) => plot.fit())).observe(this.root);
  }

  update(rows: Rows, now_ms: number): void {
    const rungs = shades(rows.at_ms, rows.columns.rung);
    const attacks = shades(rows.at_ms, rows.columns.attack);
    for (const plot of this.plots) plot.update(rows, now_ms, rungs, attacks);
  }
}

class Plot {
  readonly root: HTMLElement;
  private readonly picture = h("div", { class: "plot-picture", role: "img" });
  private readonly values: HTMLElement[];
  private readonly context: ConsoleContext;
  private readonly about: About;
  private readonly chart: uPlot;
  private now_ms = 0;
  private first_ms: number | null = null;
  private said_ms = 0;
  private rungs: readonly Shade[] = [];
  private attacks: readonly Shade[] = [];

  constructor(context: ConsoleContext, about: About) {
    this.context = context;
    this.about = about;
    this.values = about.lines.map(() => h("span", { class: "number plot-value" }, "–"));
    const keys = about.lines.map((line, n) =>
      h(
        "li",
        {},
        h("span", { class: `swatch swatch-${line.style + 1}`, "aria-hidden": "true" }),
        h("span", {}, line.label),
        this.values[n],
      ),
    );
    this.root = h(
      "figure",
      { class: "plot" },
      h("figcaption", {}, h("h3", {}, about.title), h("ul", { class: "plot-keys" }, ...keys)),
      this.picture,
    );
    set(this.picture, { "aria-label": about.title });
    this.chart = new uPlot(this.options(), this.data(null), this.picture);
  }

  private options(): uPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const font = `13px ${style.getPropertyValue("--sans").trim() || "sans-serif"}`;
    const { about, context } = this;
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--ink-2"), font, grid, ticks: { ...grid, size: 4 } };
    const right = about.lines.find((line) => line.scale === "right");
    const left = about.lines.find((line) => line.scale === "y");
    const range =
      (least: number) =>
      (_: uPlot, __: number, most: number | null): [number, number] => [0, top(most ?? 0, least)];
    return {
      width: 320,
      height: HEIGHT,
      ms: 1,
      legend: { show: false },
      cursor: { sync: { key: "console" }, drag: { x: false, y: false }, y: false },
      padding: [8, right ? 0 : RIGHT, 0, 0],
      scales: {
        x: { time: true, range: () => [reach(this.first_ms, this.now_ms), this.now_ms] },
        y: { range: range(about.least) },
        ...(right ? { right: { range: range(about.leastRight ?? 1) } } : {}),
      },
      axes: [
        {
          ...axis,
          size: 28,
          space: 64,
          values: (_, splits) => splits.map((at) => timeOn(context, at)),
        },
        {
          ...axis,
          size: LEFT,
          space: 36,
          values: (_, splits) => splits.map((x) => this.onAxis(x, left)),
        },
        ...(right
          ? [
              {
                ...axis,
                scale: "right",
                side: 1 as const,
                size: RIGHT,
                space: 36,
                grid: { show: false },
                values: (_: uPlot, splits: number[]) => splits.map((x) => this.onAxis(x, right)),
              },
            ]
          : []),
      ],
      series: [
        {},
        ...about.lines.map((line) => ({
          scale: line.scale,
          stroke: colour(STYLES[line.style].colour),
          dash: [...STYLES[line.style].dash],
          width: 2,
          points: { show: false },
        })),
      ],
      hooks: {
        drawClear: [(chart) => this.shade(chart, colour)],
        setCursor: [() => this.write()],
      },
    };
  }

  private onAxis(x: number, line: Line | undefined): string {
    if (line?.name === "cpu") return line.write(x);
    return new Intl.NumberFormat(this.context.locale, {
      notation: x >= 10_000 ? "compact" : "standard",
      maximumFractionDigits: 1,
    }).format(x);
  }

  private shade(chart: uPlot, colour: (name: string) => string): void {
    const { ctx, bbox } = chart;
    const paint = (shade: Shade, fill: string, alpha: number, label: string, line: number) => {
      const from = Math.max(bbox.left, chart.valToPos(shade.from_ms, "x", true));
      const to = Math.min(bbox.left + bbox.width, chart.valToPos(shade.to_ms, "x", true));
      if (to <= from) return;
      ctx.save();
      ctx.globalAlpha = alpha;
      ctx.fillStyle = fill;
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
      ctx.globalAlpha = 1;
      const ratio = uPlot.pxRatio;
      ctx.fillStyle = colour("--ink-2");
      ctx.font = `600 ${12 * ratio}px ${colour("--sans") || "sans-serif"}`;
      if (to - from > ctx.measureText(label).width + 4 * ratio) {
        ctx.textBaseline = "top";
        ctx.textAlign = "left";
        ctx.fillText(label, from + 3 * ratio, bbox.top + (2 + 16 * line) * ratio);
      }
      ctx.restore();
    };
    for (const one of this.rungs)
      paint(
        one,
        colour("--shade-rung"),
        0.1 + 0.035 * Math.min(one.value, 8),
        String(one.value),
        0,
      );
    const attack = this.context.t("attack");
    for (const one of this.attacks) paint(one, colour("--shade-attack"), 0.28, attack, 1);
  }

  private data(rows: Rows | null): uPlot.AlignedData {
    if (!rows) return [[], ...this.about.lines.map(() => [])];
    return [rows.at_ms, ...this.about.lines.map((line) => rows.columns[line.name])];
  }

  fit(): void {
    const width = this.picture.clientWidth;
    if (width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: HEIGHT });
  }

  update(rows: Rows, now_ms: number, rungs: readonly Shade[], attacks: readonly Shade[]): void {
    this.now_ms = now_ms;
    this.first_ms = rows.at_ms[0] ?? null;
    this.rungs = rungs;
    this.attacks = attacks;
    this.chart.setData(this.data(rows));
    this.write();
    if (Date.now() - this.said_ms < SAID_EVERY_MS) return;
    this.said_ms = Date.now();
    set(this.picture, { "aria-label": this.words(rows) });
  }

  /** The values beside the names: under the pointer, else the newest. */
  private write(): void {
    const chart = this.chart as uPlot | undefined; // it calls back while it is being made
    if (!chart) return;
    const row = chart.cursor.idx ?? chart.data[0].length - 1;
    this.about.lines.forEach((line, n) => {
      const value = (chart.data[n + 1]?.[row] ?? null) as Value;
      say(this.values[n]!, value === null ? "–" : line.write(value));
    });
  }

  private words(rows: Rows): string {
    const { t } = this.context;
    const said = this.about.lines.map((line) => {
      const of = summary(rows.at_ms, rows.columns[line.name]);
      if (!of || of.now === null) return t("plotUnknown", { name: line.label });
      return t("plotSays", {
        name: line.label,
        now: line.write(of.now),
        most: line.write(of.most),
        time: timeOn(this.context, of.most_ms),
        least: line.write(of.least),
      });
    });
    return `${this.about.title}. ${said.join(" ")}`;
  }
}
