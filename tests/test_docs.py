"""The documentation shows what tests run, and its references and addresses hold.

Nothing is started here: tests/integration does that, and says what it starts. That the API
and settings pages are complete is held by test_house.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from textwrap import dedent

import pytest

import flask_trustproxy
from flask_trustproxy.settings import SETTINGS, read_settings
from integration import more_proxies, test_recipes, wsgi_apache, wsgi_servers
from integration.cdn import BEHIND_CDN, BEHIND_CDN_MORE
from integration.deployments import DEPLOYMENTS
from integration.stack import DEPLOY
from integration.test_forgeable import CONFIGURATIONS
from integration.test_quickstart import CONFIGURATION
from integration.test_trust_files import SHOWN

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text("utf-8")
    for path in sorted(DOCS.rglob("*.rst"))
    if "_build" not in path.parts
}
PROXY_PAGES = {name: text for name, text in PAGES.items() if name.startswith("proxies/")}
DEPLOYED = {
    DEPLOY / each.file: each
    for each in [*DEPLOYMENTS, *more_proxies.DEPLOYMENTS, *BEHIND_CDN, *BEHIND_CDN_MORE]
}

each_page = pytest.mark.parametrize("page", PAGES)


def resolve(page: str, target: str) -> Path:
    """The file that *target* is, written on *page*."""
    return (DOCS / page).parent.joinpath(target).resolve()


def included(page: str, text: str) -> list[Path]:
    """The files that *text*, a part of the page, shows."""
    paths = re.findall(r"^ *(?:\.\. (?:literal)?include::|:file:) +(\S+)$", text, re.M)
    return [resolve(page, path) for path in paths]


def blocks(text: str) -> list[tuple[str, str]]:
    """The code blocks that are written by hand, with their languages."""
    found = re.findall(r"^( *)\.\. code-block:: *(\w*)\n\n((?:\1    .*\n|\n)+)", text, re.M)
    return [(language, dedent(body).strip()) for _, language, body in found]


# What is shown is what tests run


def files_of_servers() -> set[Path]:
    """The examples of WSGI servers that tests start."""
    source = Path(wsgi_servers.__file__).read_text("utf-8")
    names = re.findall(r'\bexample\(\s*"([\w.]+)"', source)
    return {wsgi_apache.DOCUMENTED, *(wsgi_servers.EXAMPLES / name for name in names)}


STARTED = {
    ROOT / "examples/test_complete.py",  # by tests/testing/test_client.py
    CONFIGURATION,
    *DEPLOYED,
    *CONFIGURATIONS.values(),
    *files_of_servers(),
}
STARTED |= {*SHOWN, *test_recipes.SHOWN}
RECIPES = ROOT / "tests/neighbours/recipes"
TESTS_OF_RECIPES = "".join(
    path.read_text("utf-8")
    for path in [*(ROOT / "tests/neighbours").glob("test_*.py"), Path(test_recipes.__file__)]
)
NOT_YOURS = ROOT / "tests/apps/not_yours"
TESTS_OF_APPLICATIONS = "".join(
    path.read_text("utf-8")
    for path in [*(ROOT / "tests/apps").rglob("*.py"), ROOT / "tests/test_not_yours.py"]
)


def is_run(path: Path) -> bool:
    """Whether a test runs a file that is shown."""
    if path.parent == RECIPES:
        name = re.sub("_(before|after)$", "", path.stem)
        return f'"{name}"' in TESTS_OF_RECIPES
    if path.parent == NOT_YOURS:
        return path.stem in TESTS_OF_APPLICATIONS
    # tests/commands and integration/test_probe run each session that is there.
    return path in STARTED or path.is_relative_to(ROOT / "tests/snapshots")


@each_page
def test_every_file_that_is_shown_is_run_by_a_test(page: str):
    shown = [
        path
        for path in included(page, PAGES[page])
        if path.is_relative_to(ROOT / "examples") or path.is_relative_to(ROOT / "tests")
    ]
    assert [path for path in shown if not path.is_file() or not is_run(path)] == []


def test_every_documented_deployment_is_shown():
    shown = {path for page, text in PAGES.items() for path in included(page, text)}
    assert {path for path in DEPLOY.rglob("*") if path.is_file()} == set(DEPLOYED)
    assert set(DEPLOYED) <= shown


DIRECTIVES = re.compile(
    r"proxy_pass|proxy_set_header|RequestHeader|ProxyPass|http-request|reverse_proxy"
    r"|option forwardfor|typed_config|entryPoints|<VirtualHost|^\s*(server|services)\b.*[{:]$",
    re.M,
)


@each_page
def test_no_configuration_is_written_by_hand(page: str):
    text = PAGES[page]
    assert {language for language, _ in blocks(text)} <= {"console", "python", "sh", "text"}
    assert [body for _, body in blocks(text) if DIRECTIVES.search(body)] == []
    # Nor in a literal block without a language.
    assert re.findall(r"^(?! *\.\. ).*::$", text, re.M) == []


# The pages of the proxies


def shown_deployments() -> list[object]:
    """Each section of a page that shows a documented file, and the file."""
    rows = []
    for page, text in PROXY_PAGES.items():
        for section in re.split(r"\n(?=.+\n-+\n)", text):
            rows += [
                pytest.param(path, section, id=str(path.relative_to(DEPLOY)))
                for path in included(page, section)
                if path in DEPLOYED
            ]
    return rows


@pytest.mark.parametrize(("path", "section"), shown_deployments())
def test_a_page_sets_what_the_file_says(path: Path, section: str):
    settings = dict(re.findall(r'``(TRUST_PROXY\w*) = "(.*?)"``', section))
    assert settings == DEPLOYED[path].settings
    for name, value in settings.items():
        if f'"{value}"``, which is the default' in section:
            assert value == SETTINGS[name].default


@pytest.mark.parametrize(("path", "section"), shown_deployments())
def test_a_page_forges_address_and_scheme_and_shows_the_truth(path: Path, section: str):
    """The truth that tests/integration asserts of that deployment."""
    deployment = DEPLOYED[path]
    ((language, session),) = blocks(section)
    command, answer = session.replace("\\\n", "").splitlines()
    prompt, curl, *arguments, url = shlex.split(command)
    assert (language, prompt, curl) == ("console", "$", "curl")
    scheme, other = ("https", "http") if url.startswith("https:") else ("http", "https")
    assert url == f"{scheme}://www.example.com/"
    assert scheme in {front.split("_")[0] for front in deployment.fronts}
    assert arguments == [
        *("-H", "X-Forwarded-For: 198.51.100.66"),
        *("-H", f"X-Forwarded-Proto: {other}"),
    ]
    hops = ["203.0.113.9", *deployment.documented_hops]
    assert json.loads(answer) == {"ip": hops[0], "ips": hops, "secure": scheme == "https"}


def tables_of_forgeries() -> list[list[list[str]]]:
    """forgeable.csv by proxies: a row for a header, a column for a configuration."""
    with (ROOT / "tests/integration/forgeable.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    headers = list(rows[0])[2:]
    tables = []
    for proxy in dict.fromkeys(row["proxy"] for row in rows):
        own = [row for row in rows if row["proxy"] == proxy]
        heads = ["Header", *(row["configuration"] for row in own)]
        tables.append([heads, *([header, *(row[header] for row in own)] for header in headers)])
    return tables


def test_the_pages_show_what_the_tests_found_forgeable():
    shown = [
        list(csv.reader(dedent(body).splitlines()))
        for text in PROXY_PAGES.values()
        for body in re.findall(r"^((?:    )Header,.*\n(?:    .+\n)+)", text, re.M)
    ]
    assert sorted(shown) == sorted(tables_of_forgeries())


# The cheat sheet


def cheats() -> list[object]:
    """Each set-up of the cheat sheet: its section, and the file that it shows a part of."""
    _, *sections = re.split(r"\n\n\n(?=.+\n-+\n)", PAGES["cheat-sheet"])
    return [
        pytest.param(section, included("cheat-sheet", section), id=section.splitlines()[0])
        for section in sections
    ]


@pytest.mark.parametrize(("section", "paths"), cheats())
def test_a_cheat_has_lines_settings_and_a_command(section: str, paths: list[Path]):
    languages = [language for language, _ in blocks(section)]
    assert languages == ["sh", "console"]
    (_, lines), (_, command) = blocks(section)
    assert command == "$ flask trust-proxy probe https://www.example.com/"
    settings = dict(re.findall(r'^export (\w+)="(.+)"$', lines, re.M))
    if paths:
        (path,) = paths
        assert settings == DEPLOYED[path].settings
    else:  # a platform: what its row in the table recommends, or a range that users report
        read_settings(
            {
                **settings,
                "TRUST_PROXY": settings["TRUST_PROXY"].replace(
                    "file:/etc/cdn.txt", "192.0.2.0/24"
                ),
            },
            {},
        )
        value = settings["TRUST_PROXY"]
        assert f'"{value}"' in PAGES["platforms"] or value == "file:/etc/cdn.txt"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "nginx/",
            ["proxy_set_header X-Forwarded-For", "proxy_set_header X-Forwarded-Proto $"],
        ),
        ("apache/", ["unset X-Forwarded-For", "set X-Forwarded-Proto"]),
        ("haproxy/", ["set-header X-Forwarded-Proto"]),
    ],
)
def test_the_lines_of_a_cheat_set_both_headers(name: str, words: list[str]):
    for text in re.findall(
        rf"literalinclude:: (\S+{name}\S+)\n((?:    .+\n)+)", PAGES["cheat-sheet"]
    ):
        path, options = text
        start = re.search(r":start-at: (.+)", options)[1]
        end = re.search(r":end-at: (.+)", options)[1]
        file = resolve("cheat-sheet", path).read_text("utf-8")
        _, _, rest = file.partition(start)
        shown, found, _ = rest.partition(end)
        assert found
        assert [word for word in words if word not in start + shown + end] == []


# The platforms


def literals(text: str) -> list[str]:
    """The values in a text."""
    return re.findall(r'``"?(.+?)"?``', text)


def test_the_platforms_recommend_settings_that_are_none_of_the_mistakes():
    table, _, _ = PAGES["platforms"].partition("How to read it:")
    table, _, others = table.partition(":data:`TRUST_PROXY_HEADERS`")
    headers = dict(re.findall(r'on (\S+),\s``"(.+?)"``', others))
    _, *rows = re.findall(r"^    \* - (.+)\n      - (.+)\n      - (.+)$", table, re.M)
    assert len(rows) == table.count("\n    * - ") - 1
    for name, trust, max_hops in rows:
        (hops,) = literals(max_hops)
        platform = re.match(":ref:`(.+) <", name)[1]
        for value in literals(trust) or ["192.0.2.0/24"]:  # ranges that the vendor publishes
            given = {"TRUST_PROXY": value, "TRUST_PROXY_MAX_HOPS": hops}
            given["TRUST_PROXY_HEADERS"] = headers.get(platform)
            settings = read_settings(given, {})
            assert settings.policy.trust.kind in ("addresses", "count")
            assert settings.policy.trust.kind != "count" or value == hops
    assert headers.keys() == {"Fly.io", "Railway"}


def test_every_platform_names_its_sources():
    table, *sections = re.split(r"^\.\. _([\w-]+):$", PAGES["platforms"], flags=re.M)
    described = dict(zip(sections[::2], sections[1::2]))
    assert list(dict.fromkeys(re.findall(r":ref:`.+ <([\w-]+)>`", table))) == list(described)
    for name, section in described.items():
        _, _, sources = section.partition("Source")
        assert re.search(r"<https://\S+>`__", sources), name


# References and addresses


DATA = set(re.findall(r"^\.\. data:: (\w+)$", "\n".join(PAGES.values()), re.M))
LABELS = set(re.findall(r"^\.\. _([\w-]+):$", "\n".join(PAGES.values()), re.M))


def entries(page: str) -> list[str]:
    """The pages in the tables of contents of a page."""
    found = re.findall(r"^\.\. toctree::\n(?:    :.*\n)*\n((?:    .+\n)+)", PAGES[page], re.M)
    return [entry for body in found for entry in body.split()]


@each_page
def test_references_inside_the_documentation_exist(page: str):
    def name(path: Path) -> str:
        return path.relative_to(DOCS).as_posix()

    text = PAGES[page]
    references = re.findall(r":(\w+):`(?:[^`<]*<)?~?([^`>]+)>?`", text)
    documents = [target for role, target in references if role == "doc"] + entries(page)
    assert [each for each in documents if name(resolve(page, each)) not in PAGES] == []
    assert {target for role, target in references if role == "data"} <= DATA
    assert {target for role, target in references if role == "ref"} <= LABELS
    for role, target in references:
        if role in ("class", "exc", "func", "meth"):
            package, first, *rest = target.split(".")
            assert (package, first in flask_trustproxy.__all__) == ("flask_trustproxy", True)
            assert not rest or hasattr(getattr(flask_trustproxy, first), rest[0])
    assert [path for path in included(page, text) if not path.is_file()] == []


def test_every_page_is_in_a_table_of_contents():
    listed = {
        resolve(page, each).relative_to(DOCS).as_posix()
        for page in PAGES
        for each in entries(page)
    }
    assert listed == PAGES.keys() - {"index"}


# For examples, by RFC 5737, RFC 3849; and what can be nobody's on the internet.
EXAMPLES = [
    *map(ip_network, ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"])
]


def is_an_example(text: str) -> bool:
    address = ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return not address.is_global or any(address in network for network in EXAMPLES)


NODE = re.compile(r"(?<![\w.:])(?:[\d.]{7,15}|[\da-fA-F:.]*:[\da-fA-F:.]*)(?!\w)")


def addresses(text: str) -> list[str]:
    """The IP addresses in a text."""
    found = []
    for word in NODE.findall(text):
        with suppress(ValueError):
            found.append(str(ip_address(word.strip("."))))
    return found


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.relative_to(DOCS).as_posix())
        for path in sorted(DOCS.rglob("*"))
        if path.suffix in (".csv", ".inc", ".rst") and "_build" not in path.parts
    ],
)
def test_addresses_are_nobodys(path: Path):
    # What is included is quoted as it is: a proxy's own file, or a session.
    found = addresses(path.read_text("utf-8"))
    assert [each for each in found if not is_an_example(each)] == []
