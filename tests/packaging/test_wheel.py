"""What is installed works away from the checkout."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edge.web.assets import Assets

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that this checkout makes, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that has the wheel, and from this one the packages it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", f"--python={python}", "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*command, wheel], check=True, stdout=subprocess.DEVNULL)
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", query], capture_output=True, text=True, check=True).stdout.strip()
    # Plain paths: site.addsitedir would also follow the .pth of the checkout, which must not be seen here.
    Path(packages, "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    return folder / "bin"


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [program, *words], cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_wheel_has_everything_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert inside == {"edge", "drivers", "simulator"}
    assert not [name for name in names if name.endswith((".lock", ".pyc"))]
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in ("edge", "drivers", "simulator")
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".sql", ".yaml"}
    }
    assert wanted <= names
    page = ROOT / "edge" / "web" / "page"
    pages = {path.relative_to(ROOT).as_posix() for path in page.rglob("*") if path.is_file()}
    assert {"edge/web/page/index.html", "edge/web/page/vendor/lit-html.js", "edge/web/page/vendor/LICENSES.md"} <= pages
    assert pages <= names
    configs = {f"edge/config/{path.relative_to(ROOT / 'config')}" for path in (ROOT / "config").rglob("*.yaml")}
    assert {"edge/config/nguyen-ly.yaml", "edge/config/tariffs/public-lighting.yaml"} <= configs
    assert configs <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_commands_start_anywhere(scripts: Path) -> None:
    for program in ("village-edge", "village-sim"):
        done = run(scripts / program, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"usage: {program}" in done.stdout


def test_what_is_installed_reads_its_own_files(scripts: Path) -> None:
    code = "from edge.shell.files import config_dir; print(config_dir() / 'nguyen-ly.yaml')"
    example = run(scripts / "python", "-c", code).stdout.strip()
    assert Path(example).is_relative_to(scripts.parent)
    done = run(scripts / "village-edge", "check", example)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_installed_serves_its_own_page(scripts: Path) -> None:
    code = (
        "from edge.web.assets import PAGE, Assets; a = Assets(); print(PAGE); print(a.page);"
        " print(len(a.find('/').body), len(a.find('/app/main.js').packed))"
    )
    folder, page, sizes = run(scripts / "python", "-c", code).stdout.splitlines()
    assert Path(folder).is_relative_to(scripts.parent)
    assert page == Assets().page
    assert all(int(size) > 500 for size in sizes.split())


def test_a_checkout_reads_the_files_where_they_stand() -> None:
    from edge.shell.files import config_dir

    assert config_dir() == ROOT / "config"
