"""The model files: those that come with the program (drivers/models/*.yaml), and those of the village itself.

A file is everything this program knows of a device: adding one makes the model known.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path

from drivers.model import BoardModel, Link, Model
from drivers.model_errors import ModelError, Problem, read
from drivers.quantities import Quantity
from drivers.read_plan import Block
from edge.core.values import ModelInfo

__all__ = [
    "Block",
    "BoardModel",
    "Link",
    "Model",
    "ModelError",
    "Quantity",
    "boards",
    "broken",
    "catalogue",
    "load_board",
    "load_model",
    "models",
    "places",
    "read_model_file",
]  # fmt: skip

FOLDER = Path(__file__).parent / "models"
OWN = Path("/etc/village-edge/models")
OWN_VARIABLE = "VILLAGE_MODELS"  # the environment may name another folder
LARGEST = 64 * 1024  # bytes; the longest file here has 3 KiB
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# A broken file must not break a configuration that names it: its port may have any of these.
_ANY_BAUDRATE = (1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200, 128000, 256000)


def models() -> tuple[str, ...]:
    """The names of the meters and sensors that have their registers here, in alphabetical order."""
    return tuple(name for name, model in _sound().items() if isinstance(model, Model))


def boards() -> tuple[str, ...]:
    """The names of the relay boards that have a file here, in alphabetical order."""
    return tuple(name for name, model in _sound().items() if isinstance(model, BoardModel))


def load_model(name: str) -> Model:
    """The meter or sensor of that name. Raises ValueError for any other, ModelError for a file with errors."""
    model = _load(name)
    if isinstance(model, Model):
        return model
    raise ValueError(f"there is no model {name!r}; there are {', '.join(models())}")


def load_board(name: str) -> BoardModel:
    """The relay board of that name. Raises ValueError for any other, ModelError for a file with errors."""
    model = _load(name)
    if isinstance(model, BoardModel):
        return model
    raise ValueError(f"there is no relay board {name!r}; there are {', '.join(boards())}")


def places(name: str, wanted: Callable[[str], bool]) -> frozenset[tuple[int, int]]:
    """Where a meter or sensor has the quantities whose names are `wanted`: (function, register), in any form."""
    forms = load_model(name).forms
    return frozenset((m.function, q.address) for m in forms for n, q in m.quantities.items() if wanted(n))


def catalogue() -> dict[str, ModelInfo]:
    """Every model a configuration may name. One whose file has errors is known, but not driven."""
    return {name: _info(name) for name in _files()}


def broken() -> list[ModelError]:
    """What is wrong with each model file that has errors."""
    return [error for name in _files() if isinstance(error := _read_once(name), ModelError)]


def read_model_file(path: Path) -> Model | BoardModel:
    """The model in a file, which names it. Raises ModelError only."""
    if not NAME.fullmatch(path.stem):
        why = "a model is named for its file; name it with small letters, digits and hyphens, such as sdm120.yaml"
        raise ModelError(str(path), [Problem(1, 1, "", why)])
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        why = f"the file cannot be read ({error.strerror}); correct its name or its rights"
        raise ModelError(str(path), [Problem(1, 1, "", why)]) from None
    except UnicodeDecodeError:
        why = "this is not UTF-8 text; save the file with the encoding UTF-8"
        raise ModelError(str(path), [Problem(1, 1, "", why)]) from None
    if len(raw) > LARGEST:
        why = f"the file is larger than {LARGEST // 1024} KiB; this is no model, give another file"
        raise ModelError(str(path), [Problem(1, 1, "", why)])
    return read(text, path.stem, str(path))


def _files() -> dict[str, Path]:
    """The village's own files come before those of the same name here."""
    folders = (FOLDER, Path(os.environ.get(OWN_VARIABLE, OWN)))
    found = {path.stem: path for folder in folders for path in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def _load(name: str) -> Model | BoardModel | None:
    if name not in _files():
        return None
    model = _read_once(name)
    if isinstance(model, ModelError):
        raise model
    return model


def _sound() -> dict[str, Model | BoardModel]:
    return {name: model for name in _files() if not isinstance(model := _read_once(name), ModelError)}


def _info(name: str) -> ModelInfo:
    model = _read_once(name)
    if not isinstance(model, ModelError):
        return model.info()
    kind = re.search(r"^kind: *(meter|sensor|board)\b", _files()[name].read_text("utf-8", "replace"), re.MULTILINE)
    return ModelInfo(
        name, kind[1] if kind else "meter", False, _ANY_BAUDRATE, ("none", "even", "odd"), (1, 2)  # type: ignore[arg-type]
    )


def _read_once(name: str) -> Model | BoardModel | ModelError:
    return _read_path(_files()[name])


@functools.cache
def _read_path(path: Path) -> Model | BoardModel | ModelError:
    try:
        return read_model_file(path)
    except ModelError as error:
        return error
