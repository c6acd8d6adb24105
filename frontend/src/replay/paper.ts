// A canvas to draw on in CSS pixels, sharp on any screen.

export interface Paper {
  readonly ink: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
}

/** Emptied, and as large as it is shown; null where it is not shown. */
export function paper(canvas: HTMLCanvasElement): Paper | null {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0) return null;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const ink = canvas.getContext("2d");
  ink?.scale(scale, scale);
  return ink && { ink, width, height };
}
