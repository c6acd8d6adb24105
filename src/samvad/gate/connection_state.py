"""What a connection is about to do."""

from enum import Enum


class State(Enum):
    """In the middle four nothing of the next request is answered, and about READ bytes of it
    are taken."""

    READING = "collects a request; its head must be complete in time"
    QUEUED = "has more requests at hand; goes on after others had their turn"
    WAITING = "asked for what does not exist yet; the site will call `resume`"
    SENDING = "the kernel's buffer is full; goes on when it has room"
    LINGERING = "all is sent and nothing is wanted; reads until the peer has noticed"
    CLOSED = "is no more"
