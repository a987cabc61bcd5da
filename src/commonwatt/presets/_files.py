"""What an export hands over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Files:
    """Texts by path within the study's folder, and what the study's summary tells of them."""

    texts: Mapping[str, str]
    told: Mapping[str, Any] = field(default_factory=dict)
