// The short tone that says "you are in", and the silence that a press plays to unlock sound.

const NOTES_HZ = [523.25, 783.99];
const NOTE_S = 0.28;

export class Tone {
  private context: AudioContext | null = null;
  /** How often it sounded, and whether the browser let it. */
  readonly figures = { rung: 0, sounded: false };

  /** In a press: from now on the browser lets the tone be heard. */
  arm(): void {
    try {
      this.context ??= new AudioContext();
      void this.context.resume().catch(() => undefined);
    } catch {
      // No audio device, or no WebAudio: it goes in without a tone.
    }
  }

  async ring(): Promise<void> {
    this.figures.rung++;
    navigator.vibrate?.([200, 100, 200]);
    this.arm();
    const { context } = this;
    if (!context) return;
    if (context.state !== "running")
      await Promise.race([context.resume().catch(() => undefined), later(300)]);
    this.figures.sounded = context.state === "running";
    if (!this.figures.sounded) return;
    NOTES_HZ.forEach((hz, n) => {
      const from = context.currentTime + 0.02 + n * NOTE_S;
      const loud = context.createGain();
      loud.gain.setValueAtTime(0, from);
      loud.gain.linearRampToValueAtTime(0.25, from + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.001, from + NOTE_S * 1.8);
      const note = context.createOscillator();
      note.frequency.value = hz;
      note.connect(loud).connect(context.destination);
      note.start(from);
      note.stop(from + NOTE_S * 2);
    });
  }
}

const later = (ms: number) => new Promise((done) => window.setTimeout(done, ms));

/** A tenth of a second of nothing, as WAV: playing it in a press unlocks the element. */
export function silence(): string {
  const rate = 8000;
  const samples = rate / 10;
  const bytes = new DataView(new ArrayBuffer(44 + samples));
  const put = (at: number, text: string) => {
    for (let i = 0; i < text.length; i++) bytes.setUint8(at + i, text.charCodeAt(i));
  };
  put(0, "RIFF");
  bytes.setUint32(4, 36 + samples, true);
  put(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, rate, true);
  bytes.setUint16(32, 1, true);
  bytes.setUint16(34, 8, true);
  put(36, "data");
  bytes.setUint32(40, samples, true);
  for (let i = 0; i < samples; i++) bytes.setUint8(44 + i, 128);
  return URL.createObjectURL(new Blob([bytes.buffer], { type: "audio/wav" }));
}
