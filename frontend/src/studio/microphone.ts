// The speaker's microphone: opening it, its level, and hearing oneself.

import { loudness } from "../event/meter.ts";

export type MicTrouble = "denied" | "missing" | "busy" | "insecure";

export interface Choice {
  readonly id: string;
  readonly label: string;
}

export class Microphone {
  stream: MediaStream | null = null;
  private context: AudioContext | null = null;
  private analyser: AnalyserNode | null = null;
  private source: MediaStreamAudioSourceNode | null = null;
  private readonly samples = new Float32Array(1024);
  private readonly gone: () => void;

  /** `gone`: the device was taken away while in use. */
  constructor(gone: () => void) {
    this.gone = gone;
  }

  get track(): MediaStreamTrack | null {
    return this.stream?.getAudioTracks()[0] ?? null;
  }

  get deviceId(): string {
    return this.track?.getSettings().deviceId ?? "";
  }

  /** Whether this page was allowed the microphone before, so that asking disturbs nobody. */
  static async allowed(): Promise<boolean> {
    try {
      const name = "microphone" as PermissionName;
      return (await navigator.permissions.query({ name })).state === "granted";
    } catch {
      return false;
    }
  }

  /** Opens it, in place of one that is open. `music`: without the browser's filters. */
  async open(deviceId: string, music: boolean): Promise<MicTrouble | null> {
    if (!navigator.mediaDevices) return "insecure";
    const filters = { echoCancellation: !music, noiseSuppression: !music, autoGainControl: !music };
    const device = deviceId === "" ? {} : { deviceId: { exact: deviceId } };
    const former = this.stream;
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { ...filters, ...device, channelCount: 1 },
      });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      if (name === "NotAllowedError" || name === "SecurityError") return "denied";
      if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
      return "busy";
    }
    this.stream = stream;
    this.track?.addEventListener("ended", () => {
      if (this.stream === stream) this.gone();
    });
    await this.listen(stream);
    for (const track of former?.getTracks() ?? []) track.stop();
    return null;
  }

  close(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.source?.disconnect();
  }

  async choices(): Promise<Choice[]> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices
      .filter((device) => device.kind === "audioinput" && device.deviceId !== "")
      .map((device) => ({ id: device.deviceId, label: device.label }));
  }

  /** 0 (-60 dBFS or less) to 1; null while it is not open. Muted is measured as silence. */
  level(): number | null {
    if (!this.stream || !this.analyser || this.context?.state !== "running") return null;
    this.analyser.getFloatTimeDomainData(this.samples);
    return loudness(this.samples);
  }

  private async listen(stream: MediaStream): Promise<void> {
    this.context ??= new AudioContext();
    this.source?.disconnect();
    this.analyser ??= new AnalyserNode(this.context, { fftSize: 1024 });
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.analyser);
    // Without a press it may stay suspended; the next press (Go in, Record) wakes it.
    void this.wake();
  }

  async wake(): Promise<void> {
    await this.context?.resume().catch(() => undefined);
  }

  /** Records for `ms`, then plays it back. Resolves when it has been played. */
  async echo(ms: number, onSecond: (left: number) => void, onPlay: () => void): Promise<void> {
    const { stream } = this;
    if (!stream) return;
    const recorder = new MediaRecorder(stream);
    const pieces: Blob[] = [];
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    const stopped = new Promise((done) => recorder.addEventListener("stop", done, { once: true }));
    recorder.start();
    for (let left = ms; left > 0; left -= 1000) {
      onSecond(Math.ceil(left / 1000));
      await new Promise((done) => setTimeout(done, Math.min(1000, left)));
    }
    if (recorder.state !== "inactive") recorder.stop();
    await stopped;
    onPlay();
    const url = URL.createObjectURL(new Blob(pieces, { type: recorder.mimeType }));
    const audio = new Audio(url);
    try {
      await audio.play();
      await new Promise((done) => {
        audio.addEventListener("ended", done, { once: true });
        audio.addEventListener("error", done, { once: true });
        // Some browsers write no length into a recording, and then never say "ended".
        setTimeout(done, ms + 2_000);
      });
    } finally {
      audio.pause();
      URL.revokeObjectURL(url);
    }
  }
}
