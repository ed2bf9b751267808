"""Memory that a training step frees is wanted again by the next one."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory(*, up_to: int = 1 << 25) -> bool:
    """Ask the C library of Linux to keep freed memory up to so many bytes instead of handing it back each time.

    A step allocates and frees the same few hundred tensors; getting their pages from the system anew costs more than
    some of the arithmetic. `equitour fit` calls it; a loop of your own may. It holds for the whole process. Elsewhere
    than on glibc nothing happens, and False is returned.

    Args:
        up_to: Bytes; larger blocks, and larger rests at the end of the memory, still go back.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, up_to)) and bool(mallopt(M_MMAP_THRESHOLD, up_to))
