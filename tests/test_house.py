"""The house rules: which way imports run, and that the documents are true."""

from __future__ import annotations

import ast
import csv
import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

import flask_trustproxy.testing
from flask_trustproxy.settings import SETTINGS
from summary import supported

ROOT = Path(__file__).parent.parent
PACKAGE = Path(flask_trustproxy.__file__).parent
README = (ROOT / "README.rst").read_text("utf-8")

# A module imports only those before it.
ORDER = (
    "core.addresses core.values core.trust_file core.spelling core.trust core.headers "
    "core.edge core.forwarded core.walk core.policy core.peer core.resolution "
    "core.environ settings report.phrases report.messages report.cautions report.words "
    "report.suspicion report.client_suspicions report.url_suspicions report.suspicions "
    "report.repeat log watch report.facts report.picture "
    "report.explained report.as_json probe.door chain middleware request extension "
    "debugtoolbar probe.forgeries probe.observations probe.fixes probe.report "
    "probe.verdict probe.wire probe.client probe.words probe.page commands.terminal "
    "commands.loading commands.check commands.explain commands.probe commands.providers "
    "commands.download commands.replacement commands.fetch commands.app testing.client "
    "testing.unforgeable pytest_plugin "
).split()


def imports(module: str) -> tuple[set[str], set[str]]:
    """The modules of the package, and the other packages, that *module* imports."""
    inside: set[str] = set()
    outside: set[str] = set()
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            outside.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None
            outside.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            folder = module.split(".")[: -node.level]
            found = ".".join([*folder, *filter(None, [node.module])])
            if PACKAGE.joinpath(*found.split(".")).is_dir():  # names its modules
                inside.update(f"{found}.{alias.name}" for alias in node.names)
            else:
                inside.add(found)
    return inside, outside


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of *text* in *language*."""
    indented = re.findall(rf"\.\. code-block:: {language}\n\n((?:(?:    .*)?\n)+)", text)
    return [dedent(block).strip() for block in indented]


def section(title: str) -> str:
    """What stands in README's section *title*."""
    _, _, rest = README.partition(f"\n{title}\n{'-' * len(title)}\n")
    return re.split(r"\n.+\n-+\n", rest)[0]


def shell_line(title: str) -> str:
    """The one line in the one code block of README's section *title*."""
    text = section(title)
    assert text.count(".. code-block::") == 1
    (line,) = blocks(text, "sh")
    assert "\n" not in line
    return line


def test_every_module_has_its_place():
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    modules = {".".join(path.parts) for path in paths if path.stem != "__init__"}
    assert modules == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_imports_run_one_way(module: str):
    inside, _ = imports(module)
    assert inside <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", [name for name in ORDER if name.startswith("core.")])
def test_the_core_knows_no_framework(module: str):
    _, outside = imports(module)
    assert outside.isdisjoint({"flask", "flask_trustproxy", "werkzeug"})


def test_the_package_does_not_load_what_only_a_page_needs():
    script = "import sys, flask_trustproxy; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = run.stdout.split()
    assert "flask_trustproxy.report.phrases" in loaded
    pages = ("debugtoolbar", "report.explained", "report.facts", "report.picture")
    unwanted = {"flask_debugtoolbar", *(f"flask_trustproxy.{name}" for name in pages)}
    assert unwanted.intersection(loaded) == set()


#: One file tests what all of these find.
SUSPICIONS = ("report.suspicion", "report.client_suspicions", "report.url_suspicions")


@pytest.mark.parametrize("module", ORDER)
def test_every_module_has_its_test_file(module: str):
    *folder, name = ("report.suspicions" if module in SUSPICIONS else module).split(".")
    assert (ROOT / "tests").joinpath(*folder, f"test_{name}.py").is_file()


def test_an_app_loads_no_tools():
    """No probe, no commands, no kit and no page: an app needs none of them."""
    tools = ("probe", "commands", "testing", "debugtoolbar", "report.as_json", "report.picture")
    script = "import sys, flask_trustproxy; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = ran.stdout.split()
    assert [
        f"flask_trustproxy.{tool}" for tool in tools if f"flask_trustproxy.{tool}" in loaded
    ] == []


@pytest.mark.parametrize("module", [name for name in ORDER if "commands" not in name])
def test_no_function_has_more_than_five_parameters(module: str):
    """Constructors may have more, and the client that is made like one."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([each for each in named if each.arg not in ("self", "cls")])
            if count > 5 and node.name not in ("__init__", "proxied_client"):
                found.append((node.name, count))
    assert found == []


def test_flask_is_the_only_dependency():
    assert requires("Flask-TrustProxy") == ["flask>=2.2"]


def test_tox_tests_the_wheel():
    assert "TOX_ENV_NAME" not in os.environ or "site-packages" in PACKAGE.parts


@pytest.mark.parametrize(
    ("page", "module"), [("api", flask_trustproxy), ("testing", flask_trustproxy.testing)]
)
def test_a_page_documents_the_public_names(page: str, module: ModuleType):
    text = (ROOT / f"docs/{page}.rst").read_text("utf-8")
    documented = re.findall(r"^\.\. (?:auto\w+|data):: (\w+)$", text, re.MULTILINE)
    assert sorted(documented) == sorted(module.__all__)


def test_the_settings_page_documents_each_setting_and_its_default():
    page = (ROOT / "docs/settings.rst").read_text("utf-8")
    documented = re.findall(
        r"^\.\. data:: (\w+)$.*?^    :default: ``(.+?)``$", page, re.M | re.S
    )
    defaults = {name: ast.literal_eval(default) for name, default in documented}
    assert defaults == {name: setting.default for name, setting in SETTINGS.items()}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_page_tells_all_of_a_setting(name: str):
    page = (ROOT / "docs/settings.rst").read_text("utf-8")
    _, _, rest = page.partition(f"\n.. data:: {name}\n")
    described = re.split(r"^(?=\S)", rest, flags=re.M)[0]
    for what in (":type:", ":default:", ":from:", "**Danger:**"):
        assert described.count(f"\n    {what} ") == 1
    examples = re.findall(
        r"^    \.\. (?:testcode|code-block)::.*\n\n((?: {8}.+\n)+)", described, re.M
    )
    assert any(re.search(rf"\b{name}\b", example) for example in examples)


def test_readme_is_read_in_a_minute():
    assert len(README.splitlines()) < 150


def test_readme_shows_a_real_probe():
    session = (ROOT / "tests/snapshots/probe/forgeable.txt").read_text("utf-8").splitlines()
    shown = README[
        README.index("    $ flask trust-proxy probe") : README.index("It then prints")
    ]
    lines = [line[4:] for line in shown.splitlines() if line.strip() not in ("", "...")]
    assert [line for line in lines if line not in session] == []


def test_readme_shows_what_an_app_sees_alone_and_with_proxy_fix_and_with_trust_proxy():
    (curl,) = re.findall(r'\$ curl -H "(.+?): (.+?)" https:', README)
    name, forged = curl
    nginx = {name: f"{forged}, 203.0.113.9", "X-Forwarded-Proto": "https"}

    def row(app: Flask) -> list[str]:
        @app.get("/")
        def index() -> list[str]:
            return [request.remote_addr, request.access_route[0], str(request.is_secure)]

        client = app.test_client()
        through_nginx = client.get("/", headers=nginx).json
        (directly, *_) = client.get(
            "/", headers={name: forged}, environ_base={"REMOTE_ADDR": "203.0.113.9"}
        ).json
        return [*through_nginx, directly]

    alone, counting, trusting = map(Flask, ["alone", "counting", "trusting"])
    counting.wsgi_app = ProxyFix(counting.wsgi_app)
    flask_trustproxy.TrustProxy(trusting)
    shown = README.partition(";")[2].partition(".. code-block")[0]
    rows = [
        [re.sub(r"``|, forged", "", cell).strip() for cell in line.split(";")]
        for line in shown.splitlines()
        if line.count(";") == 4
    ]
    head, *rows = rows
    assert head[1:4] == ["remote_addr", "access_route[0]", "is_secure"]
    assert rows == [
        ["Flask alone", *row(alone)],
        ["ProxyFix", *row(counting)],
        ["TrustProxy", *row(trusting)],
    ]
    assert shown.count(", forged") == sum(each.count(forged) for each in rows) == 3


def run_in_shell(lines: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run lines in a shell that has ``flask``, and none of our settings."""
    environment = {key: value for key, value in os.environ.items() if "TRUST_PROXY" not in key}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["sh", "-ec", lines],
        cwd=cwd,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["Calibre-Web 0.6.27", "changedetection.io 0.60.10"])
def test_readme_quotes_what_was_measured_with_an_application(name: str):
    with (ROOT / "docs/tables/applications.csv").open(newline="", encoding="utf-8") as file:
        row = next(row for row in csv.reader(file) if row[0] == name)
    _, attack, before, after = row
    quote = f"{name}: an attacker {attack}. As it comes: {before}. With TrustProxy: {after}."
    assert quote in " ".join(README.split())


def test_readme_has_an_app_of_eight_lines():
    (source,) = blocks(section("Use"), "python")
    assert len([line for line in source.splitlines() if line]) == 8
    names: dict[str, Flask] = {"__name__": "readme"}
    exec(source, names)
    response = (
        names["app"]
        .test_client()
        .get(
            "/",
            headers={
                "Host": "www.example.com",
                "X-Forwarded-For": "198.51.100.66, 203.0.113.9",
                "X-Forwarded-Proto": "https",
            },
        )
    )
    assert response.json == {
        "ip": "203.0.113.9",
        "ips": ["203.0.113.9"],
        "url": "https://www.example.com/",
    }


def test_the_app_of_readme_passes_its_own_strict_check(tmp_path: Path):
    (source,) = blocks(section("Use"), "python")
    (tmp_path / "app.py").write_text(source)
    check = run_in_shell("flask trust-proxy check --strict", tmp_path)
    assert (check.returncode, check.stderr) == (0, "")


PASTED = re.findall(r"\| ``(.+)``$", section("Your proxy, and what to paste"), re.M)


def test_readme_has_a_line_to_paste_for_each_proxy():
    assert len(PASTED) == 9


@pytest.mark.parametrize("line", PASTED)
def test_a_line_that_readme_gives_to_paste_passes_the_strict_check(tmp_path: Path, line: str):
    (tmp_path / "app.py").write_text(
        "from flask import Flask\nfrom flask_trustproxy import TrustProxy\n"
        "app = Flask(__name__)\nTrustProxy(app)\n"
    )
    # The file that the command below the table writes.
    (tmp_path / "cloudflare.txt").write_text("203.0.113.0/24\n2001:db8::/32\n")
    assert "fetch cloudflare --output /etc/cloudflare.txt" in README
    line = line.replace("/etc/cloudflare.txt", str(tmp_path / "cloudflare.txt"))
    # What Heroku's command sets is in the environment of the app.
    heroku = 'heroku() { [ "$1" = config:set ]; shift; export "$@"; }'
    check = run_in_shell(f"{heroku}\n{line}\nflask trust-proxy check --strict", tmp_path)
    assert (check.returncode, check.stderr) == (0, "")
    # The setting that is shown came from the line that was pasted.
    assert "TRUST_PROXY='" in check.stdout
    assert check.stdout.count("(from the environment)") == line.count("TRUST_PROXY")


def test_readme_says_before_curl_that_your_own_machine_is_trusted():
    warning = "on your own machine you are loopback, and therefore trusted"
    assert " ".join(README.split()).count(warning) == 1
    assert README.index("on your own machine you are loopback") < README.index("Try it\n------")


def test_the_first_page_of_the_documentation_has_all_that_a_reader_pastes():
    index = (ROOT / "docs/index.rst").read_text("utf-8")
    (end,) = re.findall(r":end-before: (.+)", index)
    shown = README[: README.index(end)]
    assert len(re.findall(r"\| ``(.+)``$", shown, re.M)) == 9
    assert "until it says ``safe``" in shown


def test_metadata_and_readme_have_the_same_links():
    urls = dict(
        re.findall(
            r"^    (\w+) = (https://\S+)$", (ROOT / "setup.cfg").read_text("utf-8"), re.M
        )
    )
    assert list(urls) == ["Documentation", "Changes", "Source", "Issues"]
    assert [url for url in urls.values() if f"<{url}>`__" not in section("Links")] == []


def test_the_summary_is_the_first_sentence_of_readme():
    (summary,) = re.findall(
        r"^description = (.+)$", (ROOT / "setup.cfg").read_text("utf-8"), re.M
    )
    assert " ".join(README.replace("``", "").split()).partition("=== ")[2].startswith(summary)


def test_readme_tries_the_demo_in_one_line():
    clone, enter, *_, demo = shell_line("Try it").split(" && ")
    (name,) = re.fullmatch(r"git clone https://[\w.-]+/([\w-]+)\.git", clone).groups()
    assert enter == f"cd {name}"
    python, script = demo.split()
    assert python == ".venv/bin/python"
    assert (ROOT / script).is_file()


def test_readme_and_ci_run_the_tests_by_the_same_line():
    lines = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[-1] == shell_line("Run the tests")


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("tox.ini", r"^    py3(?:(\d+)|\{([\d, ]+)\})$"),
        (".github/workflows/tests.yaml", r'python: "3\.(\d+)"'),
    ],
)
def test_every_python_of_the_metadata_is_tested(file: str, pattern: str):
    named = re.findall(pattern, (ROOT / file).read_text("utf-8"), re.MULTILINE)
    minors = re.findall(r"\d+", str(named))
    assert sorted(map(int, minors)) == [int(each[2:]) for each in supported()]


def test_the_test_line_stops_outside_of_the_pythons_of_the_metadata():
    text = (ROOT / "toxfile.py").read_text("utf-8")
    (ends,) = re.findall(r"^OLDEST, NEWEST = (\d+), (\d+)$", text, re.MULTILINE)
    assert [f"3.{minor}" for minor in ends] == [supported()[0], supported()[-1]]


@pytest.mark.parametrize("title", ["Try it", "Run the tests"])
def test_readme_gives_commands_that_a_shell_reads(title: str):
    subprocess.run(["sh", "-n", "-c", shell_line(title)], check=True)
