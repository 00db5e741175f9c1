#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, with the warnings of the build."""

import sys

import repository

FLAGS = ('-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual '
         '-Werror -D_TURN_OFF_PLATFORM_STRING '
         '-DSTILLHEAD_VERSION="0" -fsyntax-only').split()


def main():
    failures = repository.check_all(
        repository.sources('.h'), repository.Cache('headers', *FLAGS),
        lambda path: ['g++', *FLAGS, '-I.', '-x', 'c++', '-include', str(path), '/dev/null'])
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
