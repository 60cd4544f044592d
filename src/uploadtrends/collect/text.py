"""Text that strangers sent, made fit to be kept and shown."""

from __future__ import annotations

import re
from urllib.parse import quote

# Control characters, line and paragraph separators, marks that turn the writing direction, halves
# of surrogate pairs: none of them is part of a name, and each can fool a terminal or a database.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text with a replacement character for everything that is no writing."""
    return _UNFIT.sub("\ufffd", text)


def in_path(name: str) -> str:
    """Return a name as one segment of an address; "" where no address can carry it.

    A name of dots alone would be read as a step up, whatever way it is written.
    """
    return "" if not name.strip(".") else quote(name, safe="", errors="replace")
