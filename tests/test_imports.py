"""The import rules of the rooms, read off the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE_MAY = {"pydantic", "pydantic_core", "orjson", "apscheduler.triggers.cron", "ephem", "lunar_vn", "edge.core"}
APP = {"edge/shell/app.py", "edge/shell/safe.py"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def under(name: str, allowed: set[str]) -> bool:
    return any(name == a or name.startswith(a + ".") for a in allowed)


def files(folder: str) -> dict[str, set[str]]:
    return {str(p.relative_to(ROOT)): imports(p) for p in sorted((ROOT / folder).rglob("*.py"))}


def test_the_core_imports_nothing_that_reads_the_world() -> None:
    impure = {"os", "sys", "time", "socket", "threading", "pathlib", "subprocess", "io", "sqlite3", "logging", "random"}
    core = files("edge/core")
    assert len(core) > 10
    for path, names in core.items():
        for name in names:
            top = name.split(".")[0]
            assert under(name, CORE_MAY) or (top in sys.stdlib_module_names and top not in impure), f"{path}: {name}"


def test_drivers_know_only_the_values() -> None:
    for path, names in files("drivers").items():
        for name in names:
            assert not under(name, {"edge", "simulator"}) or under(name, {"edge.core.values"}), f"{path}: {name}"


def test_only_the_composition_root_knows_drivers_and_nobody_the_simulator() -> None:
    edge = files("edge")
    assert any(under(name, {"drivers"}) for name in edge["edge/shell/app.py"])
    for path, names in edge.items():
        assert not any(under(name, {"simulator"}) for name in names), path
        assert path in APP or not any(under(name, {"drivers"}) for name in names), path


def test_the_page_server_knows_the_time_and_nothing_of_the_village() -> None:
    server = files("edge/web")
    assert len(server) > 5
    for path, names in server.items():
        for name in names:
            assert not under(name, {"edge", "drivers"}) or under(name, {"edge.web", "edge.shell.clock"}), f"{path}: {name}"
    for name in files("edge/commands")["edge/commands/web.py"]:
        assert not under(name, {"edge"}) or under(name, {"edge.web", "edge.shell.clock", "edge.typed"}), name
    others = {path for path, names in files("edge").items() if any(under(name, {"edge.web", "aiohttp"}) for name in names)}
    assert others - set(server) == {"edge/commands/web.py"}


def test_safe_mode_lives_without_drivers_and_without_the_controller_that_cannot_stay_up() -> None:
    script = "import sys; import edge.shell.safe_mode; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())
    assert "paho.mqtt.client" in loaded
    ours = {name for name in loaded if under(name, {"edge"})}
    allowed = {"alarm_kinds", "alarms", "commands", "events", "limits", "pending", "questions", "retained", "topics", "values"}
    assert {name for name in ours if name.startswith("edge.core.")} <= {f"edge.core.{name}" for name in allowed}
    assert not ours & {"edge.shell.app", "edge.shell.safe", "edge.shell.site_file", "edge.shell.store", "edge.shell.effects"}
    without = {"drivers", "pydantic", "ruamel", "ephem", "apscheduler", "gpiozero", "serial", "aiohttp", "sqlite3", "lgpio"}
    assert not without & {name.split(".")[0] for name in loaded}


def test_modules_stay_below_400_lines_and_near_120() -> None:
    lengths = sorted(
        len(p.read_text("utf-8").splitlines()) for f in ("edge", "drivers", "simulator") for p in (ROOT / f).rglob("*.py")
    )
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] <= 150


def test_help_imports_no_library_of_the_daemon() -> None:
    heavy = ["pydantic", "paho", "aiohttp", "asyncio", "ruamel", "gpiozero", "apscheduler", "sqlite3"]
    script = f"import sys; from edge.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\nprint([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
