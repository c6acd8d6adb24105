"""Ports nobody else has."""

import random
import socket

_LOW, _HIGH = 12_000, 32_000  # below the kernel's own range, so no outgoing connection takes one


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """`count` different TCP ports that were free just now, in no order.

    They are drawn at random below the ephemeral range, so that two tests beside each other
    hardly ever draw the same, and the machine's outgoing connections never do.
    """
    found: list[int] = []
    draw = random.SystemRandom()
    while len(found) < count:
        port = draw.randrange(_LOW, _HIGH)
        if port in found:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        found.append(port)
    return found


def free_port(host: str = "127.0.0.1") -> int:
    return free_ports(1, host)[0]
