"""The room where speakers are: WHIP and WHEP, mixing, the conversation's state.

session       one event's room as a state machine (pure)
mixer         programme, mix-minus, limiter, levels (pure)
jitter        the jitter buffer that skips what is missing (pure)
sdp           offers read strictly and passed on rebuilt (pure)
opus, voice   libopus; packets of one speaker to 20 ms frames
engine, peer  the seam to WebRTC; aiortc behind it, and nowhere else
links         who is connected, and their places in the mix
air           the programme's way to broadcast/
conversation  the driver of one event: the 20 ms tick
rooms         all conversations; plans; what a stage before this one left
whip, http    WHIP, WHEP; the room's controls
keeper        facts and memory to disk, off the loop
figures, doorkeeper, setting, main    metrics; limits; what is shared; the process
speak, sound  `samvad speak`: a WHIP client, and files as frames
"""
