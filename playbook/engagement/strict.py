"""The base of all blocks of an engagement file and a plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Positive", "Share", "Strict"]

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(ge=0)]


class Strict(BaseModel):
    """A block of the file: unknown keys and silent changes of type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
