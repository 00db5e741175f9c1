# SPDX-License-Identifier: Apache-2.0
"""What is known of the project while it runs: where its files are, and which revision is running."""
import os
import sysconfig

# Where packages are that pip or a distribution has installed.
INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


class Project:
    """`folder`: the script folder, None until Alembic has found it; `revision`: of the script that runs."""

    def __init__(self, command):
        self._folders = set()
        self._library = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
        self.folder = None
        self.revision = None
        self.add(command.get("revisions") or ())

    def add(self, entries):
        """Files of revisions."""
        self._folders.update(os.path.dirname(os.path.realpath(entry["file"])) for entry in entries)

    def is_script(self, file):
        """Whether `file` is in the script folder, or beside a revision."""
        path = os.path.realpath(file)
        folders = self._folders | ({os.path.realpath(self.folder)} if self.folder else set())
        return os.path.isfile(path) and any(path.startswith(folder + os.sep) for folder in folders)

    def is_own(self, file):
        """Whether `file` is the project's, and not an installed package's or Python's."""
        path = os.path.realpath(file)
        installed = path.startswith(self._library) or any(part in path for part in INSTALLED)
        return os.path.isfile(path) and not installed
