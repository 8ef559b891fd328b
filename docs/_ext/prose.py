"""A Sphinx builder that reads the words: ``sphinx-build -W -b prose docs OUT``.

Each paragraph is checked by proselint, and by the words in ``words.csv``. Each finding is a
warning. The builder prints how easily each page reads: words in a sentence, and Flesch's
reading ease, which is 100 for very easy text and 0 for very hard text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import textstat
from docutils import nodes
from proselint.checks import __register__ as ready_made
from proselint.registry.checks import Check, types
from proselint.registry.checks.engine import Fancy
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util import logging

logger = logging.getLogger(__name__)

# Quotes stay straight, as in the code. A waitress is a server here, and "very" is a word.
OFF = ("typography", "social_awareness", "weasel_words", "lexical_illusions", "restricted")


def our_style() -> list[Check]:
    """A check for each row of ``words.csv``."""
    with Path(__file__).with_name("words.csv").open(newline="", encoding="utf-8") as file:
        return [
            Check(
                check_type=types.ExistenceSimple(rf"(?i)\b(?:{row['pattern']})\b"),
                engine=Fancy(),
                path="plain",
                message=f"{{}}: {row['instead']}",
            )
            for row in csv.DictReader(file)
        ]


CHECKS = [check for check in ready_made if not check.path.startswith(OFF)] + our_style()


def prose(page: nodes.document) -> Iterator[tuple[nodes.Element, str]]:
    """The paragraphs of a page; "code" is in the place of each piece of code."""
    for node in page.findall(nodes.paragraph):
        copy = node.deepcopy()
        for literal in list(copy.findall(nodes.literal)):
            literal.parent.replace(literal, nodes.Text("code"))
        yield node, " ".join(copy.astext().split())


def ease(sentences: str) -> tuple[float, float]:
    """Words in a sentence, and Flesch's reading ease."""
    return (
        textstat.words_per_sentence(sentences),
        textstat.flesch_reading_ease(sentences),
    )


class ProseBuilder(Builder):
    """Warns of words, and writes ``readability.csv``."""

    name = "prose"
    allow_parallel = False

    def init(self) -> None:
        self.rows: list[tuple[str, int, str, str]] = []

    def get_outdated_docs(self) -> set[str]:
        return self.env.found_docs

    def get_target_uri(self, docname: str, typ: str | None = None) -> str:
        return ""

    def write_doc(self, docname: str, doctree: nodes.document) -> None:
        paragraphs = list(prose(doctree))
        for node, text in paragraphs:
            for check in CHECKS:
                for found in check.check_with_flags(f"\n{text}\n"):
                    logger.warning("%s", found.message, location=node, type="prose")
        # What is no sentence, such as a cell of a table, would be glued to the next one.
        sentences = "\n".join(text for _, text in paragraphs if text.endswith((".", ":", "?")))
        if sentences:
            words = len(sentences.split())
            length, score = ease(sentences)
            self.rows.append((docname, words, f"{length:.1f}", f"{score:.0f}"))

    def finish(self) -> None:
        head = ("page", "words", "words in a sentence", "reading ease")
        with (Path(self.outdir) / "readability.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *self.rows])
        for row in (head, *self.rows):
            logger.info("{:34} {:>6} {:>20} {:>13}".format(*row))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_builder(ProseBuilder)
    return {"parallel_read_safe": True}
