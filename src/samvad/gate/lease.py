"""One event's seats among several machines: each holds a lease on some of them. Pure.

A store that all machines reach (store.py) keeps, for each event, who holds how many and until
when; SCRIPT is the only thing that ever writes there, and runs as one step. A machine asks for
what it uses and a little more, each second, and gives back what it does not use. Leases of
machines that are not heard of go back only when they are over: until then their listeners, if
they live, hold their seats. So the sum never exceeds the limit, whoever dies or is cut off.
"""

import math
from dataclasses import dataclass, field

from samvad.gate.state import Counts

SUMMED = ("listening", "admitted", "in_line", "refused", "peak", "joined")
"""Counts that machines add up; the peak of several is at most their sum, and said to be that."""

RESERVE_S = 5.0
"""Seats for so many seconds of the pace are asked for beyond those in use, while people come."""
RESERVE_LEAST = 16
KEEPS = 0.95
"""A machine's own clock is trusted to so much of the lease."""

SCRIPT = """
-- KEYS: the event's hash. ARGV: machine, now_ms (0: the store's own clock), lease_ms, settle_ms,
-- limit, mine, want, waiting, counts of this machine by commas.
-- A field: seats,expires_ms,beat_ms,waiting,counts... The field "" says since when there is a hash.
local now = tonumber(ARGV[2])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local function numbers(text)
  local list = {}
  for word in string.gmatch(text, '[^,]+') do list[#list + 1] = tonumber(word) end
  return list
end
local key, me = KEYS[1], ARGV[1]
local lease, settle, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local mine, want, waiting = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
redis.call('HSETNX', key, '', now)
local since = tonumber(redis.call('HGET', key, ''))
local taken, machines, others_wait, recorded = 0, 1, 0, nil
local sums = {0, 0, 0, 0, 0, 0}
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  if all[i] ~= '' then
    local about = numbers(all[i + 1])
    if about[2] <= now then
      redis.call('HDEL', key, all[i])
    elseif all[i] == me then
      recorded = about[1]
    else
      taken = taken + about[1]
      if now - about[3] < 10000 then
        machines, others_wait = machines + 1, others_wait + about[4]
        for j = 1, 6 do sums[j] = sums[j] + (about[4 + j] or 0) end
      end
    end
  end
end
local settling = now - since < settle
-- A store that has lost its data believes what it is told until all have said it.
if recorded then mine = math.min(mine, recorded) elseif not settling then mine = 0 end
local grant, free = mine, limit - taken - mine
if not settling and want > mine and free > 0 then
  local share = math.ceil(free * (waiting + 1) / (waiting + 1 + others_wait))
  grant = mine + math.min(want - mine, share, free)
end
redis.call('HSET', key, me,
  table.concat({grant, now + lease, now, waiting, ARGV[9]}, ','))
redis.call('PEXPIRE', key, 4 * lease)
return {grant, machines, unpack(sums)}
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a machine says: it holds on to `mine` seats and would like `want`."""

    limit: int
    mine: int
    want: int
    waiting: int
    counts: Counts

    def arguments(self, machine: str, now_ms: int, lease_s: float, settle_s: float) -> list[str]:
        """ARGV of SCRIPT."""
        counted = ",".join(str(getattr(self.counts, name)) for name in SUMMED)
        numbers = (now_ms, int(lease_s * 1000), int(settle_s * 1000))
        about = (self.limit, self.mine, self.want, self.waiting)
        return [machine, *map(str, numbers), *map(str, about), counted]


@dataclass(frozen=True, slots=True)
class Grant:
    """What the store says: so many seats; so many machines live; the counts of the others."""

    seats: int
    machines: int
    others: Counts

    @classmethod
    def of(cls, said: list[int]) -> "Grant":
        seats, machines, *sums = map(int, said)
        return cls(seats, machines, Counts(**dict(zip(SUMMED, sums, strict=True))))


class Lease:
    """One machine's side of it. `limit` is what its seat table is to be bounded by; the caller
    keeps to it at once, and asks each second."""

    def __init__(self, lease_s: float, granted: int = 0, until: float = -math.inf) -> None:
        """`granted` until monotonic `until`: taken over from another process of the machine."""
        self._lease_s = lease_s
        self._granted, self._limit, self.until = granted, granted, until

    @property
    def granted(self) -> int:
        return self._granted

    def limit(self, now: float) -> int:
        """Seats that may be held; 0 once the lease is over."""
        return self._limit if now < self.until else 0

    def ask(self, now: float, use: "Use") -> Ask:
        """What to say now. Seats that are not needed are given up in two steps: from now on they
        are not used, a second later, when every process of the machine knows, it is said."""
        mine = max(self._limit, use.held) if now < self.until else 0
        want = min(use.seats, use.held + use.reserve)
        if want < self._limit:
            self._limit = max(want, use.held)
        return Ask(use.seats, mine, want, use.waiting, use.counts)

    def take(self, sent_at: float, asked: Ask, grant: Grant) -> None:
        """The store's answer to what was asked at `sent_at`."""
        shrinks = asked.want < asked.mine
        self._granted = grant.seats
        self._limit = min(self._limit, grant.seats) if shrinks else grant.seats
        self.until = sent_at + self._lease_s * KEEPS


@dataclass(frozen=True, slots=True)
class Use:
    """How a machine uses its seats. `seats`: of the whole event; `pace`: joins a second that may
    be; `joining`: that are."""

    seats: int
    held: int
    waiting: int = 0
    pace: float = 0.0
    joining: float = 0.0
    counts: Counts = field(default_factory=Counts)

    @property
    def reserve(self) -> int:
        """Seats to have beyond those in use."""
        coming = min(self.waiting, math.ceil(self.pace * RESERVE_S))
        return RESERVE_LEAST + math.ceil(self.joining * RESERVE_S) + coming
