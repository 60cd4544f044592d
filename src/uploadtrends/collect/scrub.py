"""Secrets taken out of whatever a server sends back, in every writing that they travel in."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import lru_cache

SHORTEST = 8  # no site's keys are shorter, and short texts occur in dates and ids
REMOVED = b"[removed]"


def scrub(text: bytes, secrets: Iterable[str]) -> bytes:
    """Return the text without the secrets.

    A character of a secret may stand as itself, with a percent sign (once or twice), as an escape
    of JSON or JavaScript, or as an HTML entity; the secret as a whole in hexadecimal digits, or
    inside of a longer text in base64, of either alphabet. An e-mail address is one in any case.
    """
    for secret in dict.fromkeys(secrets):
        if len(secret) >= SHORTEST or "@" in secret:
            text = _pattern(secret).sub(REMOVED, text)
    return text


@lru_cache(maxsize=64)
def _pattern(secret: str) -> re.Pattern[bytes]:
    raw = secret.encode("utf-8", "replace")
    digits = "".join(_either(f"{byte:02x}") for byte in raw)
    ways = [_written(secret), digits, *(_written(core) for core in sorted(_in_base64(raw)))]
    any_case = re.I if "@" in secret else re.NOFLAG
    return re.compile("|".join(f"(?:{way})" for way in ways).encode("latin-1"), any_case)


def _in_base64(raw: bytes) -> set[str]:
    """Return what of a base64 text depends on nothing but `raw`, wherever it begins in it."""
    cores = set()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode()
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        cores.add(coded[first:last])
    return cores | {core.translate(str.maketrans("+/", "-_")) for core in cores}


def _written(text: str) -> str:
    """Return a pattern for a text of which each character may be written in any of several ways."""
    return "".join(f"(?:{'|'.join(_ways(one))})" for one in text)


_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", " ": r"\+"}


def _ways(one: str) -> list[str]:
    code, raw = ord(one), one.encode("utf-8", "replace")
    ways = [
        "".join(re.escape(chr(byte)) if byte < 128 else f"\\x{byte:02x}" for byte in raw),
        "".join(f"%(?:25)*{_either(f'{byte:02x}')}" for byte in raw),
        "".join(rf"\\[uU]{_either(one)}" for one in _halves(code)),
        rf"\\x{_either(f'{code:02x}')}",
        rf"&#[xX]0*{_either(f'{code:x}')};",
        f"&#0*{code};",
    ]
    if one in "/\"'\\":
        ways.append(r"\\+" + re.escape(one))
    return [*ways, *([_NAMED[one]] if one in _NAMED else [])]


def _halves(code: int) -> list[str]:
    """Return the four digits of JSON's escape, or of the two that a high character takes."""
    if code < 0x10000:
        return [f"{code:04x}"]
    code -= 0x10000
    return [f"{0xD800 + (code >> 10):04x}", f"{0xDC00 + (code & 0x3FF):04x}"]


def _either(digits: str) -> str:
    """Return a pattern for hexadecimal digits in small or large letters."""
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)
