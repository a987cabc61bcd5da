"""What an export hands over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Files:
    """Texts by path within the result's folder, and what the result's summary tells of them."""

    texts: Mapping[str, str]
    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def joined(cls, *parts: Files) -> Files:
        """All of several exports."""
        texts = {name: text for part in parts for name, text in part.texts.items()}
        return cls(texts, {name: value for part in parts for name, value in part.told.items()})
