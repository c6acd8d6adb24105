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


class Standing:
    """How far a connection is, for those who look at it from outside."""

    __slots__ = ("_data", "_then", "state")

    def __init__(self) -> None:
        self.state = State.READING
        self._then = State.READING
        """What follows when the answer under way is sent: READING, LINGERING or CLOSED."""
        self._data = b""
        """What has come and is not answered."""

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    @property
    def idle(self) -> bool:
        """Nothing of a request, and nothing of an answer, is under way."""
        return self.state is State.READING and not self._data

    @property
    def unfinished(self) -> bool:
        """A request has begun and is not complete."""
        return self.state is State.READING and bool(self._data)

    @property
    def refused(self) -> bool:
        """A request of it was refused for its form or its time, and none will be answered."""
        return self._then is State.LINGERING
