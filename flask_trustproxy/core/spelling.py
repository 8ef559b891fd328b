"""Near misses: what was likely meant by a text that cannot be read.

A hint corrects the spelling, never the meaning. So a word must be near, and a
separator must be one that other lists have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional

#: A hint changes at most this number of letters.
MOST_EDITS = 2

_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_BRACKETS = "[](){}<>"
# An address, a network, or a name of two letters or more: no lone slash, prefix or number.
_is_element = re.compile(r"(?!:[0-9])[0-9a-z:][0-9a-z._:/-]*[0-9a-z:]").fullmatch


def edits(text: str, other: str, most: int = MOST_EDITS) -> int:
    """How many letters must be added, removed or replaced (Levenshtein).

    :returns: at most one more than ``most``.
    """
    if abs(len(text) - len(other)) > most:
        return most + 1
    row = list(range(len(other) + 1))
    for index, letter in enumerate(text, 1):
        before, row[0] = row[0], index
        for at, another in enumerate(other, 1):
            above = row[at]
            row[at] = min(above + 1, row[at - 1] + 1, before + (letter != another))
            before = above
    return min(row[-1], most + 1)


def nearest(text: str, words: Iterable[str], most: int = MOST_EDITS) -> list[str]:
    """The words that are nearest to a text, if they are near enough.

    :param most: how many letters may differ.
    """
    distances = {word: edits(text, word, most) for word in words}
    least = min(distances.values(), default=most + 1)
    return [word for word, each in distances.items() if each == least <= most]


def surrounded(text: str) -> Optional[str]:
    """Say that quotes or brackets are around an element or its list, if they are."""
    bare = text.strip()
    if set(bare) & set(_QUOTES):
        return "The quotes are a part of the value: remove them"
    if bare != bare.strip(_BRACKETS):
        return "The brackets are a part of the value: remove them"
    return None


def separated(text: str) -> Optional[str]:
    """Say that something other than a comma is between two elements, if it is.

    :param text: one element of a list.
    """
    words = [word for word in re.split(r"[\s;|,]+", text.lower()) if word]
    if "," in text:
        return "Make each element an item of its own"
    if len(words) > 1 and all(map(_is_element, words)):
        return "Separate the elements with commas"
    if words and text.strip().endswith(";"):
        return "Separate the elements with commas, and put nothing at the end"
    if words and text != text.strip():
        return "A line break or another blank is a part of the value: remove it"
    return None
