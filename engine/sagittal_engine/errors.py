"""Turns an exception that ended work into a sentence for the user, and a traceback where it was our fault."""

from __future__ import annotations

import errno
import sys
import traceback

from sagittal.engine_port import SagittalError

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.EIO, errno.ENODEV, errno.ESTALE})
"""Answers of the system that are about the drive and its permissions, and no fault of ours."""


def explain(error: BaseException, doing: str) -> tuple[str, str]:
    """(sentence, detail) for `error` that happened while `doing` ("method 'x' was training, at step 7").

    The detail is a traceback, and is empty where the sentence says all there is to mend.
    """
    if isinstance(error, SagittalError):
        return str(error), ""
    if isinstance(error, MemoryError) or _is_cuda_memory(error) or _is_torch_memory(error):
        place = "The GPU's memory" if _is_cuda_memory(error) else "This machine's memory"
        return (
            f"{place} was too small while {doing}. Choose a smaller batch or image size, or close other programs.",
            "",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full while {doing}. Free some space, then go on from the last checkpoint.", ""
    if isinstance(error, OSError) and error.errno in _DENIED:
        what = str(error.filename) if error.filename else "A file"
        return (
            f"{what} could not be read or written while {doing}: {error.strerror or error}. "
            "Check the drive and the permissions, then try again.",
            "",
        )
    words = str(error).strip() or "no message"
    sentence = f"Something failed while {doing}: {type(error).__name__}: {words.splitlines()[0]}"
    return sentence, "".join(traceback.format_exception(error))


def _is_cuda_memory(error: BaseException) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _is_torch_memory(error: BaseException) -> bool:
    """torch tells of the processor's memory with a RuntimeError of many lines."""
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
