"""Look for bytes that break a law: ``python tests/fuzz.py FOUND CORPUS [OPTION ...]``.

Both are folders with the name of a target: in the first stays what reached something
new, the second is read as well. Options are libFuzzer's. ``fuzz.py FILE`` runs one
file of such a folder; ``fuzz.py -merge=1 CORPUS FOUND`` keeps for good what is new.
"""

from __future__ import annotations

import logging
import random
import re
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["flask_trustproxy"]):
    from fuzzing import TARGETS

# What some function takes for the character: of another case or script, or white space
ALIKE = {
    **{b"k": "\u212a", b"s": "\u017f", b"i": "\u0130", b"f": "\ufb00", b"-": "\u2010"},
    **{b"0": "\uff10", b"1": "\u0661", b"2": "\u00b2", b".": "\u3002", b":": "\uff1a"},
    **{b" ": "\u00a0", b"\n": "\u0085", b"\t": "\u000b", b",": "\uff0c", b"/": "\uff0f"},
}
# On either side of a border
NUMBERS = b"0 00 01 1 2 16 17 32 33 64 96 128 129 255 256 65535 65536 99999 999999999".split()
SYNTAX = rb"""\" \\ \ " , ; = % [ ] : :: / .. /. @""".split()

find_alike = re.compile(b"[%b]" % re.escape(b"".join(ALIKE))).finditer
find_numbers = re.compile(b"[0-9]+").finditer
find_places = re.compile(b"").finditer


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change what means something here, or whatever libFuzzer likes."""
    chance = random.Random(seed)
    find = chance.choice([find_alike, find_numbers, find_places, None])
    if find is None:
        return atheris.Mutate(data, max_size)
    for _ in range(chance.randint(1, 3)):
        old = chance.choice([*find(data)] or [*find_places(data)])
        if find is find_alike and old[0]:
            new = ALIKE[old[0]].encode()
        else:
            new = chance.choice(NUMBERS if old[0] else SYNTAX)
        data = data[: old.start()] + new + data[old.end() :]
    return data[:max_size]


def main() -> None:
    names = {name for argument in sys.argv[1:] for name in Path(argument).parts[-2:]}
    (target,) = names & TARGETS.keys()
    usual = [
        *("-max_len=1024", "-timeout=30", "-create_missing_dirs=1"),
        f"-dict={Path(__file__).with_name('fuzz.dict')}",
    ]
    # The laws look at what is logged; nobody else needs it.
    logging.getLogger("flask_trustproxy").addHandler(logging.NullHandler())
    # libFuzzer starts itself anew by this name, to merge.
    arguments = [f"{sys.executable} {__file__}", *usual, *sys.argv[1:]]
    atheris.Setup(arguments, TARGETS[target], custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
