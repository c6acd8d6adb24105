// Put into every page before its own scripts: what the page plays, and what its microphone
// takes in, can then be recorded with wall-clock times. It changes nothing the page sees.
(() => {
  const elements = new Set();
  const microphones = [];
  const takes = {};

  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    elements.add(this);
    // Firefox without a sound card gives up an element that is not captured.
    if (this.mozCaptureStream) streamOf(this);
    return play.apply(this, arguments);
  };
  if (navigator.mediaDevices) {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = await ask(wanted);
      if (stream.getAudioTracks().length) microphones.push(stream);
      return stream;
    };
  }

  const captured = new WeakMap();
  function streamOf(element) {
    if (element.srcObject instanceof MediaStream) return element.srcObject;
    const known = captured.get(element);
    // A new source in the same element ends the captured track: capture anew.
    if (known && known.getAudioTracks().some((t) => t.readyState === "live")) return known;
    const capture = element.captureStream || element.mozCaptureStream;
    const stream = capture.call(element);
    captured.set(element, stream);
    return stream;
  }

  const audible = (element) => !element.paused && !element.ended;

  function track(which) {
    if (which === "microphone") {
      const live = microphones.flatMap((s) => s.getAudioTracks());
      return live.filter((t) => t.readyState === "live").at(-1);
    }
    for (const element of document.querySelectorAll("audio, video")) elements.add(element);
    for (const element of elements) {
      if (!audible(element)) continue;
      const found = streamOf(element).getAudioTracks().find((t) => t.readyState === "live");
      if (found) return found;
    }
    return undefined;
  }

  const wall = () => performance.timeOrigin + performance.now();
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  function base64(bytes) {
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768)
      text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
  }

  // Chromium: raw samples, in runs. A run ends where the track ends or pauses; each has the
  // wall time of its first sample (the earliest its chunks allow, so a busy page shifts nothing).
  async function runsOf(take) {
    while (!take.ended) {
      const source = track(take.which);
      if (!source) {
        await pause(20);
        continue;
      }
      const copy = source.clone();
      const reader = new MediaStreamTrackProcessor({ track: copy, maxBufferSize: 2000 })
        .readable.getReader();
      let run = null;
      let reading = reader.read();
      while (!take.ended && track(take.which) === source) {
        const got = await Promise.race([reading, pause(100)]);
        if (got === undefined) continue;
        if (got.done) break;
        reading = reader.read();
        const data = got.value;
        const arrived = wall();
        const chunk = new Float32Array(data.numberOfFrames);
        data.copyTo(chunk, { planeIndex: 0, format: "f32-planar" });
        const rate = data.sampleRate;
        data.close();
        const due = run && run.began_ms + (run.frames / rate) * 1000;
        if (!run || run.rate !== rate || arrived - due > 400) {
          run = { rate, began_ms: Infinity, frames: 0, chunks: [] };
          take.runs.push(run);
        }
        run.chunks.push(chunk);
        run.frames += chunk.length;
        run.began_ms = Math.min(run.began_ms, arrived - (run.frames / rate) * 1000);
      }
      copy.stop();
      reader.cancel().catch(() => {});
    }
  }

  // Firefox has no track processor: a recorder writes one file a take.
  async function fileOf(take) {
    let source;
    while (!(source = track(take.which)) && !take.ended) await pause(20);
    if (!source) return;
    const recorder = new MediaRecorder(new MediaStream([source]));
    const pieces = [];
    recorder.ondataavailable = (e) => pieces.push(e.data);
    recorder.onstart = () => (take.began_ms = wall());
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.start(200);
    while (!take.ended) await pause(50);
    if (recorder.state !== "inactive") recorder.stop();
    await stopped;
    take.file = new Uint8Array(await new Blob(pieces).arrayBuffer());
  }

  window.__ears = {
    hears: (which) => track(which) !== undefined,
    start(name, which) {
      const take = { which, ended: false, runs: [], began_ms: 0, file: null };
      takes[name] = take;
      take.over = ("MediaStreamTrackProcessor" in window ? runsOf : fileOf)(take);
      take.over.catch((error) => (take.failed = String(error)));
    },
    async stop(name) {
      const take = takes[name];
      delete takes[name];
      take.ended = true;
      await take.over;
      return JSON.stringify({
        file: take.file && base64(take.file),
        began_ms: take.began_ms,
        runs: take.runs.map((run) => {
          const whole = new Float32Array(run.frames);
          let at = 0;
          for (const chunk of run.chunks) {
            whole.set(chunk, at);
            at += chunk.length;
          }
          return { rate: run.rate, began_ms: run.began_ms,
                   samples: base64(new Uint8Array(whole.buffer)) };
        }),
      });
    },
  };
})();
