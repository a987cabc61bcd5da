"""Ed25519 keys (RFC 8032): of members, who sign their trades, and of the operator, who signs blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError, Problems
from ..streams import Streams

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from ._chained import Chained
    from ._opening import Opening

TRADE, BLOCK, CLOSING = b"commonwatt trade 1\n", b"commonwatt block 1\n", b"commonwatt closing 1\n"
"""First bytes of what is signed, before the ledger's hash: a signature means one thing in one ledger."""
OPERATOR = "operator"
DERIVED = "made from the scenario's seed: whoever has the document can sign, so signatures show changes, not consent"
GIVEN = "from key files"
UNSIGNED = "nobody signs"
REMEDY = "make one with `openssl genpkey -algorithm ed25519 -out {}`"


@dataclass(frozen=True)
class Keyring:
    """Private keys of the operator and of every member, in their order."""

    operator: Ed25519PrivateKey
    members: tuple[Ed25519PrivateKey, ...]
    origin: str

    @classmethod
    def of(cls, rules: Chained, opening: Opening) -> Keyring | None:
        """The keys of a run; none where nobody signs. Raises DataError for files that hold none."""
        if not rules.sign:
            return None
        return cls.of_folder(rules.keys, opening.names) if rules.keys else cls.of_seed(opening.seed, len(opening.names))

    @classmethod
    def of_seed(cls, seed: int, members: int) -> Keyring:
        """Keys that anybody can make again who knows the seed."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        streams = Streams(seed)
        made = [Ed25519PrivateKey.from_private_bytes(streams.at("ledger key", n).bytes(32)) for n in range(members)]
        operator = Ed25519PrivateKey.from_private_bytes(streams.at("ledger operator key").bytes(32))
        return cls(operator, tuple(made), DERIVED)

    @classmethod
    def of_folder(cls, folder: Path, names: Sequence[str]) -> Keyring:
        """Keys from PEM files (PKCS 8). Raises DataError that names every file missing or wrong."""
        problems = Problems()
        found = [_read(folder, name, problems) for name in (OPERATOR, *names)]
        if OPERATOR in names:
            rule = "§16: every key has a file of its own"
            problems.add(f"ledger.keys: member {OPERATOR!r}", "has the operator's name", rule, "name it otherwise")
        problems.check()
        operator, *members = (key for key in found if key is not None)
        return cls(operator, tuple(members), GIVEN)

    @property
    def public(self) -> list[bytes]:
        """The operator's public key, then the members'."""
        return [key.public_key().public_bytes_raw() for key in (self.operator, *self.members)]


def key_files(folder: Path) -> tuple[Path, ...]:
    """The key files in a folder. Raises DataError where there is no such folder."""
    if not folder.is_dir():
        raise DataError(f"ledger.keys = {folder}: no such folder (§16: a folder of key files); correct the path")
    return tuple(sorted(folder.glob("*.pem")))


def public_key(key: bytes) -> Ed25519PublicKey | None:
    """The public key in 32 bytes; none where they are none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        return Ed25519PublicKey.from_public_bytes(key)
    except (ValueError, TypeError):
        return None


def signed(key: Ed25519PublicKey | None, signature: object, message: bytes) -> bool:
    """Whether whoever has the private key has signed the message."""
    from cryptography.exceptions import InvalidSignature

    if key is None or not isinstance(signature, bytes):
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _read(folder: Path, name: str, problems: Problems) -> Ed25519PrivateKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path, rule = folder / f"{name}.pem", "§16: an Ed25519 private key in PEM, without a password"
    remedy = REMEDY.format(path)
    if path.name != f"{name}.pem":
        problems.add(f"ledger.keys: member {name!r}", "is no file name", rule, "name it without / and \\")
        return None
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        problems.add(f"ledger.keys: {path}", str(error.strerror), rule, remedy)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problems.add(f"ledger.keys: {path}", "holds no such key", rule, remedy)
    else:
        if isinstance(key, Ed25519PrivateKey):
            return key
        problems.add(f"ledger.keys: {path}", f"holds a {type(key).__name__}", rule, remedy)
    return None
