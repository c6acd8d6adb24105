// Who is in the room: one tile a person, with a ring that follows the voice.

import { h, icon, say, set, show } from "../dom.ts";
import { initials } from "../people.ts";
import type { Context } from "./context.ts";
import type { Room, RoomVoice } from "./room.ts";

export interface TileActs {
  mute(voice: RoomVoice, muted: boolean): void;
  remove(voice: RoomVoice): void;
}

interface Tile {
  voice: RoomVoice;
  readonly root: HTMLElement;
  readonly face: HTMLElement;
  readonly name: HTMLElement;
  readonly note: HTMLElement;
  readonly tools: HTMLElement;
  readonly mute: HTMLButtonElement;
  readonly remove: HTMLButtonElement;
}

export class Tiles {
  readonly root = h("ul", { class: "tiles" });
  private readonly tiles = new Map<string, Tile>();
  private readonly context: Context;
  private readonly acts: TileActs;

  constructor(context: Context, acts: TileActs) {
    this.context = context;
    this.acts = acts;
  }

  /** `ownLevel`: of one's own microphone, quicker than what comes back from the stage. */
  update(room: Room, ownLevel: number | null, ownMuted: boolean): void {
    const { t } = this.context;
    const host = room.you.role !== "speaker";
    const known = new Set(room.room.speakers.map((voice) => voice.id));
    for (const [id, tile] of this.tiles) {
      if (known.has(id)) continue;
      tile.root.remove();
      this.tiles.delete(id);
    }
    for (const voice of room.room.speakers) {
      const tile = this.tile(voice);
      tile.voice = voice;
      const own = voice.id === room.you.id;
      const muted = own && voice.here ? ownMuted || voice.muted : voice.muted;
      const level = muted || !voice.here ? 0 : own ? (ownLevel ?? voice.level) : voice.level;
      // Below this it is breath and room noise.
      const speaks =
        voice.here && !muted && (own && ownLevel !== null ? level > 0.45 : voice.speaking);
      tile.root.classList.toggle("away", !voice.here);
      tile.root.classList.toggle("speaking", speaks);
      tile.root.classList.toggle("is-muted", voice.here && muted);
      tile.face.style.setProperty("--level", speaks ? level.toFixed(2) : "0");
      say(tile.name, voice.name);
      say(
        tile.note,
        [own ? t("you") : "", !voice.here ? t("notHere") : muted ? t("muted") : ""]
          .filter(Boolean)
          .join(", "),
      );
      show(tile.tools, host && !own && voice.here && room.room.phase !== "ended");
      const what = voice.muted
        ? t("unmuteName", { name: voice.name })
        : t("muteName", { name: voice.name });
      if (tile.mute.title !== what) {
        set(tile.mute, { "aria-label": what, title: what });
        tile.mute.replaceChildren(
          icon(voice.muted ? "muted" : "microphone"),
          h("span", {}, voice.muted ? t("unmute") : t("mute")),
        );
      }
    }
  }

  private tile(voice: RoomVoice): Tile {
    const known = this.tiles.get(voice.id);
    if (known) return known;
    const { t } = this.context;
    const mute = h("button", { type: "button", class: "button compact" });
    const remove = h(
      "button",
      {
        type: "button",
        class: "button compact quiet",
        "aria-label": t("removeName", { name: voice.name }),
      },
      t("remove"),
    );
    const tile: Tile = {
      voice,
      root: h("li", { class: "tile" }),
      face: h(
        "span",
        { class: "face", "aria-hidden": "true" },
        h("span", {}, initials(voice.name)),
      ),
      name: h("span", { class: "voice-name" }),
      note: h("span", { class: "voice-note soft" }),
      tools: h("div", { class: "tile-tools" }, mute, remove),
      mute,
      remove,
    };
    mute.addEventListener("click", () => this.acts.mute(tile.voice, !tile.voice.muted));
    remove.addEventListener("click", () => this.acts.remove(tile.voice));
    tile.root.append(
      tile.face,
      h("div", { class: "tile-words" }, tile.name, tile.note, tile.tools),
    );
    this.tiles.set(voice.id, tile);
    this.root.append(tile.root);
    return tile;
  }
}
