# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that ends with the one that started it, however that ended: closed, crashed or killed. Knows no job."""

import os
import threading
import time

TICK = 0.5  # seconds between two looks at the parent
SYNCHRONIZE, INFINITE, ACCESS_DENIED = 0x00100000, 0xFFFFFFFF, 5  # of Windows
GRACE = 5.0  # seconds in which the running job may end by itself and remove what is half written


def end_with_parent(parent: int, stopping: threading.Event) -> None:
    """Watch process number `parent` from a thread: when it is gone set `stopping`, and end this process at once where
    that does not end it within GRACE."""
    threading.Thread(target=_watch, args=(parent, stopping), name="parent", daemon=True).start()


def _watch(parent: int, stopping: threading.Event) -> None:
    _wait_for_end_windows(parent) if os.name == "nt" else _wait_for_end(parent)
    stopping.set()
    time.sleep(GRACE)
    os._exit(1)


def _wait_for_end(parent: int) -> None:
    # A parent that nobody has asked for its exit code still has its number, but no children.
    if os.getppid() == parent:
        while os.getppid() == parent:
            time.sleep(TICK)
        return
    while _exists(parent):  # a shell script between the two, or the parent was gone before we looked
        time.sleep(TICK)


def _exists(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's: the number was given away again
        return False
    return True


def _wait_for_end_windows(parent: int) -> None:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # pyright: ignore[reportAttributeAccessIssue]  (Windows)
    kernel.OpenProcess.restype = wintypes.HANDLE  # a pointer: as an int it would lose its upper half
    kernel.OpenProcess.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.DWORD]
    kernel.WaitForSingleObject.argtypes = [wintypes.HANDLE, wintypes.DWORD]
    kernel.CloseHandle.argtypes = [wintypes.HANDLE]
    # The handle is this very process, whoever has its number later.
    if handle := kernel.OpenProcess(SYNCHRONIZE, False, parent):
        kernel.WaitForSingleObject(handle, INFINITE)
        kernel.CloseHandle(handle)
    elif ctypes.get_last_error() == ACCESS_DENIED:  # pyright: ignore[reportAttributeAccessIssue]
        threading.Event().wait()  # it is there, with more rights than ours: the idle time ends us
