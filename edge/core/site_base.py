"""What every block of the configuration shares: no unknown keys, no changes after it is read, no lenient types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator


class Block(BaseModel):
    """A block of keys of the configuration.

    A context {"blocks": {}} given to validation is filled with the model that read each mapping, by the mapping's id():
    an error about an unknown key can then say which keys there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _note(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, dict):
            info.context["blocks"][id(data)] = cls
        return data
