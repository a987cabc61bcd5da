"""Who gets a device: by name, by chance, and never twice what a home has once."""

from __future__ import annotations

from ..errors import ScenarioError
from ..flow import Community, Streams


def candidates(community: Community, members: tuple[str, ...], where: str) -> list[int]:
    """Numbers of the members named, in their order in the community; of all where none are named.

    Raises ScenarioError at `where` for names that nobody bears.
    """
    unknown = sorted(set(members) - set(community.names))
    if unknown:
        raise ScenarioError(
            f"{where}.members: nobody is called {', '.join(unknown)}; "
            f"members are {', '.join(community.names[:8])}{' ...' if len(community.names) > 8 else ''}"
        )
    return [n for n, name in enumerate(community.names) if not members or name in members]


def drawn(streams: Streams, stream: str, share: float, among: list[int]) -> list[int]:
    """Those of `among` who own one, each with probability `share` by a stream of its own."""
    return [n for n in among if streams.at(stream, n).random() < share]


def without(community: Community, kind: str, among: list[int]) -> list[int]:
    """Those of `among` who have no device of that kind yet."""
    device = community.flexibility
    having = set(device.owner[device.kind == kind].tolist())
    return [n for n in among if n not in having]
