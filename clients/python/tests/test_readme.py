"""What is built, installed into an empty environment; and every block of the pages, run as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import PATIENCE

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parents[1]
#: Pages with blocks for the client.
PAGES = [PACKAGE / "README.md", ROOT / "docs" / "subscribe.md"]

pytestmark = pytest.mark.skipif("HIERAX_URL" not in os.environ, reason="needs HIERAX_URL: a running service")


def run(*command: str, **options: object) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(PACKAGE))
    return folder


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has nothing but the wheel."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    [wheel] = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", str(wheel))
    return folder / "bin"


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [block for block in found if "hierax-client" in block or "hierax_client" in block]


def here(text: str) -> str:
    """As it stands, with the addresses of the test."""
    return text.replace("localhost:9092", os.environ["KAFKA_BROKERS"]).replace(
        "http://localhost:8080", os.environ["HIERAX_URL"]
    )


def test_the_archives_are_complete(built: Path) -> None:
    version = json.loads((ROOT / "package.json").read_text("utf-8"))["version"]
    [wheel], [sdist] = built.glob("*.whl"), built.glob("*.tar.gz")
    assert wheel.name == f"hierax_client-{version}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "hierax_client/py.typed" in names
    assert f"hierax_client-{version}.dist-info/licenses/LICENSE" in names
    assert not [name for name in names if not name.startswith("hierax_client")]
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "tests/conftest.py", "examples/first-night.ipynb"} <= inside


def test_the_version_is_the_packages(installed: Path) -> None:
    version = json.loads((ROOT / "package.json").read_text("utf-8"))["version"]
    assert run(str(installed / "hierax-client"), "--version") == f"hierax-client {version}\n"
    assert run(str(installed / "python"), "-m", "hierax_client", "--version") == f"hierax-client {version}\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_program_of_the_pages_runs(page: Path, installed: Path, tmp_path: Path) -> None:
    found = blocks(page, "python")
    assert found
    for program in found:
        # Tables need pandas, which the empty environment does not have.
        python, path = (sys.executable, str(PACKAGE / "src")) if "pandas" in program else (installed / "python", "")
        (tmp_path / "program.py").write_text(here(program), "utf-8")
        out = run(str(python), "program.py", cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
        assert "print(" not in program or out != "", program


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_pages_runs(page: Path, installed: Path, tmp_path: Path) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line.startswith("hierax-client")]
    assert lines
    env = {**os.environ, "HIERAX_BROKERS": os.environ["KAFKA_BROKERS"], "PATH": f"{installed}:{os.environ['PATH']}"}
    for line in lines:
        out = run("bash", "-c", here(line), cwd=tmp_path, env=env)
        assert out != "" or "--output" in line, line


def test_the_notebook_runs_headless(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    path = PACKAGE / "examples" / "first-night.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells), "commit it without outputs"
    environment = {**os.environ, "HIERAX_BROKERS": os.environ["KAFKA_BROKERS"], "PYTHONPATH": str(PACKAGE / "src")}
    # Nothing is left in the user's folders.
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        environment[name] = str(tmp_path)
    client = nbclient.NotebookClient(
        notebook, timeout=5 * PATIENCE, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env=environment)
    shown = [output for cell in cells for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in shown)
