"""One conversation on air: encoded twice, cut into parts, recorded, sent to every gate.

- cmaf: boxes, written and read (pure)
- encoder: PCM ticks to AAC and Opus packets, both without codec delay
- packager: packets to parts: numbers, names, wall times (pure)
- index: what is in a recording, parts.jsonl (pure)
- recording: its files; what a killed stage left is mended
- recorder: parts to disk, durably, on threads of their own
- replay: a recording to one file that any player plays
- uplink: parts and room states to every gate process
- broadcast: all of them together, with a thread of its own
"""
