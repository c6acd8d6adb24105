"""The few places where stage/peer.py reaches into aiortc and aioice are still as it expects.

When one of these fails after an update: read peer.py's docstring and that library's changes
before touching anything; the peers' tests (tests/live/test_stage_peer.py) show the effect.
"""

import importlib
import inspect
from functools import reduce

import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RtpReceiver, RtpSender

from samvad.stage.peer import HOOKS, Incoming, Outgoing


def hooked(module: str, name: str) -> object:
    return reduce(getattr, name.split("."), importlib.import_module(module))


@pytest.mark.parametrize(("module", "name", "parameters"), HOOKS)
def test_the_hook_is_there_with_its_parameters(
    module: str, name: str, parameters: tuple[str, ...]
) -> None:
    found = hooked(module, name)
    assert callable(found), f"{module}.{name} is gone"
    assert tuple(inspect.signature(found).parameters) == parameters


def test_a_connection_hands_over_by_these_two_calls_alone() -> None:
    """Our ends are attached in place of `receiver.receive` and `sender.send`."""
    source = inspect.getsource(RTCPeerConnection)
    assert source.count(".receiver.receive(") == 1
    assert source.count(".sender.send(") == 1
    # Each is called with the parameters alone, once DTLS is connected.
    assert 'if dtlsTransport.state == "connected"' in source


@pytest.mark.parametrize(("protocol", "end"), [(RtpReceiver, Incoming), (RtpSender, Outgoing)])
def test_our_ends_have_what_the_transport_calls(protocol: type, end: type) -> None:
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_handle"):
            assert inspect.signature(getattr(end, name)).parameters.keys() == (
                inspect.signature(wanted).parameters.keys()
            ), name
