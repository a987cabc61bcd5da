"""What the allocator does with the arrays of a window once the next one takes their place."""

from functools import cache

import numpy as np

KEPT_BYTES = 24 << 20


@cache
def keep_freed_memory() -> None:
    """Lets later windows have the memory of earlier ones, instead of giving it back and having it zeroed anew.

    glibc keeps up to twice the largest block ever freed, of at most 32 MiB (mallopt(3), M_MMAP_THRESHOLD); one that was
    never written to costs nothing. Other allocators take no notice.
    """
    np.empty(KEPT_BYTES, np.uint8)
