"""The distributions: the wheel, built from the sdist and installed where nothing else is, does the main job."""

import json
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import guardrail
from guardrail.cli import FORMATS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with both distributions; the wheel is made from what the sdist holds."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The command of a fresh environment that holds the wheel and what it depends on."""
    home = tmp_path_factory.mktemp("home") / "venv"
    venv.create(home, with_pip=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, next(built.glob("*.whl"))], check=True)
    return home / "bin" / "guardrail"


def test_the_sdist_holds_what_the_tests_need(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "Makefile", ".pre-commit-hooks.yaml"} <= names
    assert {"docs/packs.md", "tests/test_wheel.py", "fixtures/demo/run.sh"} <= names
    assert {f"rules/{path.name}" for path in (ROOT / "rules").glob("*.toml")} <= names


def test_the_wheel_holds_the_package_and_the_rules_and_nothing_else(built):
    with ZipFile(next(built.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == {"guardrail", f"guardrail_lint-{guardrail.__version__}.dist-info"}
    assert {f"guardrail/rules/{path.name}" for path in (ROOT / "rules").glob("*.toml")} <= names
    assert "guardrail/py.typed" in names
    assert {f"guardrail/report/html/page.{suffix}" for suffix in ("html", "css", "js")} <= names


def test_the_installed_command_finds_what_is_wrong(installed, tmp_path):
    (tmp_path / "service.py").write_text("import requests\n\nrequests.get('https://example.com', verify=False)\n")
    version = subprocess.run([installed, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    scan = subprocess.run([installed, "scan", "--format", "json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert guardrail.__version__ in version.stdout
    assert scan.returncode == 1, scan.stderr
    found = {(finding["rule"], finding["path"], finding["line"]) for finding in json.loads(scan.stdout)["findings"]}
    assert ("NET004", "service.py", 3) in found


def test_the_installed_command_makes_every_report(installed, tmp_path):
    (tmp_path / "service.py").write_text("import requests\n\nrequests.get('https://example.com', verify=False)\n")
    outputs = [f"--output={name}={tmp_path / name}" for name in FORMATS]
    subprocess.run([installed, "scan", *outputs], cwd=tmp_path, capture_output=True, check=False)
    assert [name for name in FORMATS if not (tmp_path / name).stat().st_size] == []
    assert "</html>" in (tmp_path / "html").read_text()
