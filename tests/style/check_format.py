#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format 14 over all C++ files; --fix formats them in place."""

import subprocess
import sys

import repository


def main():
    paths = [str(path) for path in repository.sources()]
    mode = ['-i'] if sys.argv[1:] == ['--fix'] else ['--dry-run', '-Werror']
    done = subprocess.run(['clang-format-14', *mode, *paths], cwd=repository.ROOT)
    if done.returncode:
        print('not formatted; `make format` mends it')
    sys.exit(done.returncode)


if __name__ == '__main__':
    main()
