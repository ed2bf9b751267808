"""Memory that one graph or one evaluation frees is wanted again by the next."""

import ctypes
import os
import sys
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@cache
def keep_freed_memory(*, up_to: int = 1 << 25) -> bool:
    """Ask the C library of Linux to keep freed memory up to so many bytes instead of handing it back each time.

    A step allocates and frees the same few hundred tensors; getting their pages from the system anew costs more than
    some of the arithmetic. `neighbor_list` and `Potential.evaluate` ask for it, so a loop of your own has it too. It holds
    for the whole process; 32 MiB is where glibc arrives by itself once a block as large was freed. Elsewhere than on
    glibc, or where MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_ in the environment decides, nothing happens, and
    False is returned.

    Args:
        up_to: Bytes; larger blocks, and rests of twice the size at the end of the memory, still go back.
    """
    decided = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & os.environ.keys()
    if decided or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, 2 * up_to)) and bool(mallopt(M_MMAP_THRESHOLD, up_to))
