// How loud it is: measured by an analyser where the browser lets us, drawn as a moving line.

/** Takes an element's sound through a meter. `level()` is 0 (-60 dBFS) to 1 (full scale). */
export class Meter {
  private context: AudioContext | null = null;
  private analyser: AnalyserNode | null = null;
  private samples = new Float32Array(1024);

  /**
   * To be called in a press: browsers start a sound context only then. An element that was
   * once taken through a context is silent whenever that context is not running, so it is
   * taken only when the context runs; without that there is sound but no level.
   */
  async take(audio: HTMLMediaElement): Promise<void> {
    if (this.analyser || typeof AudioContext === "undefined") return;
    this.context ??= new AudioContext({ latencyHint: "playback" });
    const { context } = this;
    if (context.state !== "running") await context.resume().catch(() => undefined);
    if (context.state !== "running" || this.analyser) return;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaElementSource(audio).connect(analyser);
    analyser.connect(context.destination);
    this.analyser = analyser;
    context.addEventListener("statechange", () => {
      if (context.state !== "closed") void context.resume().catch(() => undefined);
    });
  }

  get running(): boolean {
    return this.analyser !== null && this.context?.state === "running";
  }

  level(): number | null {
    if (!this.running || !this.analyser) return null;
    this.analyser.getFloatTimeDomainData(this.samples);
    return loudness(this.samples);
  }
}

/** RMS of samples as 0 (-60 dBFS or less) to 1 (full scale). */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  return rms > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(rms)) / 60)) : 0;
}

/** A line that grows at its right end and moves left: the last ten seconds of sound. */
export class Trace {
  readonly canvas: HTMLCanvasElement;
  private readonly bars: number[] = [];
  private at = 0;
  private color = "";

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
  }

  /** `now` in ms. A new bar every 70 ms, whatever the rate of frames. */
  add(level: number, now: number): void {
    if (now - this.at < 70) return;
    this.at = now - this.at > 700 ? now : this.at + 70;
    this.bars.push(level);
    this.draw();
  }

  /** Draws one still bar's worth for readers who want no motion. */
  still(level: number): void {
    this.bars.length = 0;
    this.bars.push(level);
    this.draw();
  }

  draw(): void {
    const { canvas } = this;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (width === 0) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const pen = canvas.getContext("2d");
    if (!pen) return;
    this.color = getComputedStyle(canvas).color;
    const step = Math.round(5 * ratio);
    const thick = Math.round(3 * ratio);
    const room = Math.floor(width / step);
    if (this.bars.length > room) this.bars.splice(0, this.bars.length - room);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = this.color;
    for (let i = 0; i < room; i++) {
      const level = this.bars[this.bars.length - room + i] ?? 0;
      // The lower half of the scale is breath and room noise: it stays a thin line.
      const tall = Math.max(thick, Math.round(Math.max(0, level - 0.35) * 1.5 * height));
      pen.globalAlpha = 0.25 + 0.75 * ((i + 1) / room);
      pen.beginPath();
      roundBar(pen, i * step + (width - room * step), (height - tall) / 2, thick, tall);
      pen.fill();
    }
  }
}

function roundBar(pen: CanvasRenderingContext2D, x: number, y: number, w: number, h: number): void {
  if (typeof pen.roundRect === "function") pen.roundRect(x, y, w, h, w / 2);
  else pen.rect(x, y, w, h);
}
