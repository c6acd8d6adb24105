"""What the crowd talks to: page, door, playlists, media.

A request's way from socket to bytes: `server` reads, `http1` parses, `site` decides what
is asked, `objects`, `reload`, `door`, `pages` and `state` know the answer, `server` sends it.
"""
