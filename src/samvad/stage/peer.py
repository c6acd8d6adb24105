"""aiortc behind the engine seam: it does SDP, ICE, DTLS and SRTP; the RTP ends are ours.

aiortc's own receiver puts each stream on a decoder thread behind a jitter buffer that
stalls on a gap, and its sender computes the audio level in a Python loop over the samples.
Both are attached by one call each (`receiver.receive(parameters)`, `sender.send(parameters)`)
once DTLS is up, so those two attributes of each transceiver are replaced by our own ends,
which speak to the DTLS transport through the same three methods aiortc's do. The hooks
are listed in HOOKS and checked by tests/pure/test_stage_hooks.py, so that a changed aiortc is found
there and not in a show.
"""

import asyncio
import ipaddress
import logging
import random
import struct
import time
from collections.abc import Callable
from typing import Any

import aioice.ice
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.clock import current_ntp_time
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtp import (
    RtcpByePacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
)

from samvad.stage.engine import IceServer
from samvad.stage.opus import FRAME, RATE, Encoder, Pcm
from samvad.stage.sdp import PUBLISH, RETURN, OfferError, read_offer
from samvad.stage.voice import Voice

log = logging.getLogger("samvad.stage.peer")

HOOKS = (
    ("aioice.ice", "get_host_addresses", ("use_ipv4", "use_ipv6")),
    ("aiortc.rtcrtpreceiver", "RTCRtpReceiver.receive", ("self", "parameters")),
    ("aiortc.rtcrtpsender", "RTCRtpSender.send", ("self", "parameters")),
    *(
        ("aiortc.rtcdtlstransport", f"RTCDtlsTransport.{name}", ("self", *parameters))
        for name, *parameters in (
            ("_register_rtp_receiver", "receiver", "parameters"),
            ("_unregister_rtp_receiver", "receiver"),
            ("_register_rtp_sender", "sender", "parameters"),
            ("_unregister_rtp_sender", "sender"),
            ("_send_rtp", "data"),
        )
    ),
)
"""(module, name, parameters) of everything private that is called or replaced here."""

NEGOTIATION_S = 10.0
REPORT_S = 1.0
MAX_ADDRESSES = 8

_RTP = struct.Struct("!BBHLL")


class _RtpEnd:
    """What both ends share: attached to the DTLS transport, reporting once a second."""

    def __init__(self, transport: Any, ssrc: int, gone: Callable[[], None]) -> None:
        self._transport = transport
        self._ssrc = ssrc
        self._gone = gone
        self._reports: asyncio.Task[None] | None = None
        self.last_packet: float | None = None

    def _begin(self) -> None:
        self._reports = asyncio.create_task(self._report_for_ever())

    async def _report_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S * (0.5 + random.random()))  # RFC 3550, section 6.3.1
            await self._try_send(self._report())

    def _report(self) -> bytes:
        raise NotImplementedError

    async def _try_send(self, data: bytes) -> None:
        if data:
            try:
                await self._transport._send_rtp(data)
            except (ConnectionError, OSError):
                return

    async def end(self) -> None:
        """Detach, and say goodbye to the other side."""
        if self._reports is not None:
            self._reports.cancel()
            self._reports = None
            await self._try_send(bytes(RtcpByePacket(sources=[self._ssrc])))

    def _handle_disconnect(self) -> None:
        self._gone()


class Incoming(_RtpEnd):
    """The receiving end of one Opus stream: packets go straight into the jitter buffer."""

    def __init__(self, transport: Any, ssrc: int, gone: Callable[[], None]) -> None:
        super().__init__(transport, ssrc, gone)
        self.voice = Voice()
        self._payloads: set[int] = set()
        self._statistics: dict[int, StreamStatistics] = {}
        self._sender_report: dict[int, tuple[int, float]] = {}

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        self._payloads = {c.payloadType or 0 for c in parameters.codecs if c.name == "opus"}
        self._transport._register_rtp_receiver(self, parameters)
        self._begin()

    async def end(self) -> None:
        self._transport._unregister_rtp_receiver(self)
        await super().end()

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        self.last_packet = time.monotonic()
        if packet.payload_type not in self._payloads:
            return
        statistics = self._statistics.get(packet.ssrc)
        if statistics is None:
            if len(self._statistics) >= 4:  # a sender has one stream; it may restart it
                self._statistics.clear()
            statistics = self._statistics[packet.ssrc] = StreamStatistics(RATE)
        statistics.add(packet)
        if packet.payload:
            self.voice.put(packet.sequence_number, packet.payload)

    async def _handle_rtcp_packet(self, packet: object) -> None:
        self.last_packet = time.monotonic()
        if isinstance(packet, RtcpSrPacket):
            middle = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
            if packet.ssrc in self._statistics:
                self._sender_report[packet.ssrc] = (middle, time.monotonic())
        elif isinstance(packet, RtcpByePacket):
            self._gone()

    def _report(self) -> bytes:
        reports = []
        for ssrc, statistics in self._statistics.items():
            last, at = self._sender_report.get(ssrc, (0, 0.0))
            reports.append(
                RtcpReceiverInfo(
                    ssrc=ssrc,
                    fraction_lost=statistics.fraction_lost,
                    packets_lost=statistics.packets_lost,
                    highest_sequence=statistics.max_seq or 0,
                    jitter=statistics.jitter,
                    lsr=last,
                    dlsr=int((time.monotonic() - at) * 65536) & 0xFFFFFFFF if last else 0,
                )
            )
        return bytes(RtcpRrPacket(ssrc=self._ssrc, reports=reports)) if reports else b""


class Outgoing(_RtpEnd):
    """The sending end: encodes 20 ms and sends it as one RTP packet, at once."""

    def __init__(self, transport: Any, ssrc: int, gone: Callable[[], None]) -> None:
        super().__init__(transport, ssrc, gone)
        self._encoder = Encoder()
        self._payload = 0
        self._sequence = random.randrange(1 << 15)  # the lower half: RFC 3711, section 3.3.1
        self._timestamp = random.randrange(1 << 32)
        self._packets = 0
        self._octets = 0
        self._cname = ""
        self._ntp = 0

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        self._payload = parameters.codecs[0].payloadType or 0
        self._cname = parameters.rtcp.cname or ""
        self._transport._register_rtp_sender(self, parameters)
        self._begin()

    async def end(self) -> None:
        self._transport._unregister_rtp_sender(self)
        await super().end()

    async def frame(self, pcm: Pcm) -> None:
        """Send int16[960]."""
        packet = self._encoder.encode(pcm)
        header = _RTP.pack(0x80, self._payload, self._sequence, self._timestamp, self._ssrc)
        self._ntp = current_ntp_time()
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        self._packets += 1
        self._octets += len(packet)
        await self._try_send(header + packet)

    async def _handle_rtcp_packet(self, packet: object) -> None:
        self.last_packet = time.monotonic()

    def _report(self) -> bytes:
        if not self._packets:
            return b""
        sent = RtcpSenderInfo(
            ntp_timestamp=self._ntp,
            rtp_timestamp=(self._timestamp - FRAME) & 0xFFFFFFFF,
            packet_count=self._packets & 0xFFFFFFFF,
            octet_count=self._octets & 0xFFFFFFFF,
        )
        names = [RtcpSourceInfo(ssrc=self._ssrc, items=[(1, self._cname.encode())])]
        return bytes(RtcpSrPacket(ssrc=self._ssrc, sender_info=sent)) + bytes(
            RtcpSdesPacket(chunks=names)
        )


class _Peer:
    """A peer connection and the one RTP end on it."""

    def __init__(self, configuration: RTCConfiguration, gone: Callable[[], None]) -> None:
        self._pc = RTCPeerConnection(configuration)
        self._told = gone
        self._closed = False
        self._end: Incoming | Outgoing | None = None
        self._pc.on("connectionstatechange", self._changed)

    @property
    def connected(self) -> bool:
        return bool(self._pc.connectionState == "connected") and not self._closed

    @property
    def last_packet(self) -> float | None:
        return self._end.last_packet if self._end is not None else None

    def _changed(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self._gone()

    def _gone(self) -> None:
        told, self._told = self._told, _nobody
        if not self._closed:
            told()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._told = _nobody
        if self._end is not None:
            await self._end.end()
        # aiortc may be closing it as well, and both wait for one future: a caller that is
        # cancelled must not cancel that.
        await asyncio.shield(self._pc.close())

    def _attach(self, direction: str) -> Incoming | Outgoing:
        transceiver = self._pc.getTransceivers()[0]
        transport, ssrc = transceiver.receiver.transport, transceiver.sender._ssrc
        if direction == "recvonly":
            incoming = Incoming(transport, ssrc, self._gone)
            transceiver.receiver.receive = incoming.receive  # type: ignore[method-assign]
            self._end = incoming
        else:
            outgoing = Outgoing(transport, ssrc, self._gone)
            transceiver.sender.send = outgoing.send  # type: ignore[method-assign]
            self._end = outgoing
        transceiver.direction = direction
        return self._end

    async def _answer(self, offer: str, direction: str) -> str:
        try:
            async with asyncio.timeout(NEGOTIATION_S):
                await self._pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                self._attach(direction)
                await self._pc.setLocalDescription(await self._pc.createAnswer())
        except TimeoutError:
            raise OfferError("The negotiation took too long.", malformed=False) from None
        answer: str = self._pc.localDescription.sdp
        return answer


def _nobody() -> None:
    return


class AiortcPublisher(_Peer):
    """A speaker's sound coming in."""

    @property
    def voice(self) -> Voice:
        assert isinstance(self._end, Incoming)
        return self._end.voice


class AiortcReturner(_Peer):
    """The others' sound going out."""

    async def send(self, pcm: Pcm) -> None:
        if self.connected and isinstance(self._end, Outgoing) and self._end._reports is not None:
            await self._end.frame(pcm)


class AiortcSource(AiortcReturner):
    """A publishing client."""

    offer = ""

    async def prepare(self) -> None:
        transceiver = self._pc.addTransceiver("audio", direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("audio").codecs
        transceiver.setCodecPreferences([c for c in codecs if c.mimeType.lower() == "audio/opus"])
        self._attach("sendonly")
        await self._pc.setLocalDescription(await self._pc.createOffer())
        self.offer = self._pc.localDescription.sdp

    async def accept(self, answer: str) -> None:
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except Exception as error:
            # aiortc's parser answers bad text with any of a dozen exception types.
            raise OfferError(f"The answer cannot be used: {error}", malformed=True) from error


class AiortcEngine:
    """The engine of the seam (engine.py). One a process: candidate gathering is global in aioice.

    `loopback`: also offer 127.0.0.1 as a candidate; it is offered anyway when the machine
    has no other IPv4 address.
    """

    def __init__(self, servers: list[IceServer], *, loopback: bool = False) -> None:
        self._configuration = RTCConfiguration(
            iceServers=[
                RTCIceServer(s.url, s.username or None, s.credential or None) for s in servers
            ]
        )
        _gather_from(loopback)

    async def publisher(self, offer: str, gone: Callable[[], None]) -> tuple[AiortcPublisher, str]:
        read = read_offer(offer, PUBLISH)
        peer = AiortcPublisher(self._configuration, gone)
        return peer, read.answer(await self._answered(peer, read.for_engine(), "recvonly"))

    async def returner(self, offer: str, gone: Callable[[], None]) -> tuple[AiortcReturner, str]:
        read = read_offer(offer, RETURN)
        peer = AiortcReturner(self._configuration, gone)
        return peer, read.answer(await self._answered(peer, read.for_engine(), "sendonly"))

    async def source(self, gone: Callable[[], None]) -> AiortcSource:
        peer = AiortcSource(self._configuration, gone)
        try:
            await peer.prepare()
        except BaseException:
            await peer.close()
            raise
        return peer

    async def _answered(self, peer: _Peer, offer: str, direction: str) -> str:
        try:
            return await peer._answer(offer, direction)
        except BaseException:
            await peer.close()
            raise


_gathered = aioice.ice.get_host_addresses


def _gather_from(loopback: bool) -> None:
    """Replace aioice's list of local addresses, which never has a loopback address in it."""

    def addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        found = _gathered(use_ipv4, use_ipv6)[:MAX_ADDRESSES]
        has_ipv4 = any(ipaddress.ip_address(a.split("%")[0]).version == 4 for a in found)
        if loopback or not has_ipv4:
            found = [*found, "127.0.0.1"]
        return found

    aioice.ice.get_host_addresses = addresses
