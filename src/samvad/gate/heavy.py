"""Who and how many, in fixed memory: heavy hitters by source and network, and distinct newcomers.

Apache DataSketches: a frequent-items sketch (Anderson et al., "A High-Performance Algorithm for
Identifying Frequent Items in Data Streams", 2017) knows every source above 1/512 of all acts; a
HyperLogLog counts distinct sources within 3 %. Both can be sent to another process and united
there, so one process knows the whole machine's.
"""

import base64
from collections.abc import Iterable

import datasketches as ds

_LG_ITEMS = 11
_LG_DISTINCT = 11


class Heavy:
    """Weighted texts; the heaviest can be told. At most 2,048 are held, whatever comes."""

    def __init__(self) -> None:
        self._sketch = ds.frequent_strings_sketch(_LG_ITEMS)

    def add(self, what: str, weight: int) -> None:
        if weight > 0:
            self._sketch.update(what, weight)

    def top(self, most: int) -> list[tuple[str, int]]:
        """The heaviest, surely, with the least each weighs."""
        found = self._sketch.get_frequent_items(ds.frequent_items_error_type.NO_FALSE_POSITIVES)
        if not found:
            found = self._sketch.get_frequent_items(ds.frequent_items_error_type.NO_FALSE_NEGATIVES)
        heaviest = sorted(found, key=lambda item: -item[2])[:most]
        return [(str(what), int(lower)) for what, _, lower, _ in heaviest if lower > 0]


class Distinct:
    """How many different texts."""

    def __init__(self) -> None:
        self._sketch = ds.hll_sketch(_LG_DISTINCT, ds.tgt_hll_type.HLL_4)

    def add(self, what: str) -> None:
        self._sketch.update(what)

    def count(self) -> int:
        return round(float(self._sketch.get_estimate()))

    def text(self) -> str:
        """For another process: about a kilobyte."""
        return base64.b64encode(self._sketch.serialize_compact()).decode("ascii")


def united(texts: Iterable[str]) -> int:
    """How many different ones several processes have seen together."""
    union = ds.hll_union(_LG_DISTINCT)
    for text in texts:
        try:
            union.update(ds.hll_sketch.deserialize(base64.b64decode(text)))
        except (ValueError, RuntimeError):
            continue  # another version's, or torn
    return round(float(union.get_estimate()))
