# SPDX-License-Identifier: Apache-2.0
"""Counts how often a program is started, by whomever: Linux's inotify tells of each opening of its file."""
import ctypes
import os
import pathlib
import struct

OPEN = 0x20
EVENT = struct.Struct("iIII")


class Starts:
    """Of the program at `path`; nobody else may open the file."""

    def __init__(self, path: pathlib.Path):
        library = ctypes.CDLL(None, use_errno=True)
        self.descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0 or library.inotify_add_watch(self.descriptor, os.fsencode(path), OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot watch", str(path))

    def any(self) -> bool:
        """Whether it was started since the last call. (Equal events in a row are told as one.)"""
        try:
            return len(os.read(self.descriptor, 1 << 16)) >= EVENT.size
        except BlockingIOError:
            return False
