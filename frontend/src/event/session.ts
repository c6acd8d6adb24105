// The sound as the system shows it: lock screen, headphones, keyboard.

export interface SystemActs {
  play(): void;
  pause(): void;
}

/** `replay`: the recording's element, or null while it is live. */
export function inSystem(
  title: string,
  artist: string,
  replay: HTMLAudioElement | null,
  live: SystemActs,
): void {
  const media = navigator.mediaSession;
  if (!media) return;
  media.metadata = new MediaMetadata({ title, artist, album: "Samvad" });
  const set = (what: MediaSessionAction, act: MediaSessionActionHandler | null) => {
    try {
      media.setActionHandler(what, act);
    } catch {
      // An action this browser does not know.
    }
  };
  set("play", replay ? () => void replay.play() : () => live.play());
  set("pause", replay ? () => replay.pause() : () => live.pause());
  set("seekbackward", replay ? () => (replay.currentTime -= 15) : null);
  set("seekforward", replay ? () => (replay.currentTime += 15) : null);
}
