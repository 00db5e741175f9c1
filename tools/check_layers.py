#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which folder may include what (ARCHITECTURE.md, "Layers"): the table as data, and the check.

  tools/check_layers.py              check this repository
  tools/check_layers.py --self-test  prove that each rule finds a seeded violation
"""

import pathlib
import re
import sys

# Folder -> folders it may include besides itself.
ENGINE = {'engine/contract', 'engine/core', 'engine/syntax', 'engine/config', 'engine/sql', 'engine/script',
          'engine/db', 'engine/run', 'engine/host'}
LAYERS = {
    'engine/contract': set(),
    'engine/core': {'engine/contract'},
    'engine/sql': {'engine/core'},
    'engine/syntax': {'engine/contract', 'engine/core'},
    'engine/config': {'engine/contract', 'engine/core', 'engine/syntax'},
    'engine/script': {'engine/contract', 'engine/core', 'engine/syntax'},
    'engine/db': {'engine/core', 'engine/sql'},
    'engine/run': {'engine/contract', 'engine/core', 'engine/sql', 'engine/db'},
    'engine/host': {'engine/contract', 'engine/core', 'engine/config', 'engine/sql', 'engine/db'},
    'engine/cli': ENGINE,
    'operator/kube': set(),
    'operator/migration': {'engine/contract'},
    'operator': {'operator/kube', 'operator/migration', 'engine/contract'},
}
# The only engine header outside the engine.
CONTRACT = 'engine/contract/report.h'

# Begin of an include -> the library. Exactly one source file includes it (PER_PROGRAM: one in each).
LIBRARIES = {
    'boost/program_options': 'Boost.Program_options', 'boost/': 'cpprestsdk', 'cpprest/': 'cpprestsdk',
    'pplx/': 'cpprestsdk', 'openssl/ssl': 'cpprestsdk', 'openssl/x509': 'cpprestsdk',  # its TLS
    'openssl/err': 'cpprestsdk', 'openssl/pem': 'cpprestsdk', 'pqxx/': 'libpqxx', 'libpq': 'libpq', 'pg_config': 'libpq',
    'sqlite3': 'SQLite', 'yaml-cpp/': 'yaml-cpp', 'toml++/': 'toml++', 'openssl/': 'OpenSSL', 'spdlog/': 'spdlog',
}
PER_PROGRAM = {'Boost.Program_options', 'OpenSSL', 'spdlog', 'yaml-cpp'}
PURE_LIBRARIES = {'OpenSSL', 'toml++', 'yaml-cpp'}  # they compute; what pure folders hand them is text
FREE = re.compile(r'fmt/|nlohmann/json_fwd\.hpp$')
SOURCES_ONLY = re.compile(r'nlohmann/json\.hpp$')
# The C++ library's headers have no dot and no slash; these belong to the system.
SYSTEM = re.compile(r'[a-z_0-9]+$|(sys|arpa|netinet|linux)/\w+\.h$|'
                    r'(dirent|dlfcn|errno|fcntl|grp|netdb|poll|pthread|pwd|signal|spawn|stdlib|termios|time|unistd)\.h$')

# No I/O, no clock, no threads, no log. These are folders, or modules (a header and its source).
PURE = ('engine/contract/', 'engine/core/', 'engine/syntax/', 'engine/sql/', 'operator/migration/',
        'operator/kube/json_fields.', 'operator/kube/watch.', 'operator/kube/work_queue.',
        'operator/kube/resource_kind.')
IMPURE_INCLUDE = re.compile(r'(fstream|iostream|thread|mutex|condition_variable|future|random|csignal)$|'
                            r'spdlog/|.*/.*\.h$|[a-z]+\.h$')
IMPURE_TEXT = re.compile(r'_clock::now\(|\bgetenv\(|\bstd::time\(|\bstd::random_device\b|directory_iterator|'
                         r'filesystem::(exists|remove|create)|\b(fopen|f?printf|f?puts)\(')

FOREIGN_WORDS = {
    'engine': (re.compile(r'\b(kube|pod|Job)\b'), 'the engine has never heard of Kubernetes'),
    'operator': (re.compile(r'SELECT|sqlite|postgres'), 'the operator has never heard of SQL'),
}

INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')
LAYER_CALL = re.compile(r'^\s*stillhead_layer\((\S+)([^)]*)\)', re.MULTILINE)


def folder_of(path):
    return path.rpartition('/')[0]


def library_of(name):
    return next((library for begin, library in LIBRARIES.items() if name.startswith(begin)), None)


def check_own_include(path, name):
    folder, wanted = folder_of(path), folder_of(name)
    if '/' not in name:
        return 'write includes from the top of the repository'
    if folder.startswith('operator') and name.startswith('engine/') and name != CONTRACT:
        return f'the operator may include {CONTRACT} only, not {name}'
    if wanted != folder and wanted not in LAYERS[folder]:
        return f'{folder} must not know {wanted}'
    return None


def check_library_include(path, name):
    if FREE.match(name) or SYSTEM.match(name):
        return None
    if SOURCES_ONLY.match(name):
        return 'headers include nlohmann/json_fwd.hpp' if path.endswith('.h') else None
    if not library_of(name):
        return f'<{name}> belongs to no library that tools/check_layers.py knows'
    return f'{library_of(name)} belongs into a source file' if path.endswith('.h') else None


def check_file(path, text, includers):
    """Problems of one file; notes in `includers` which libraries it includes."""
    pure = path.startswith(PURE)
    words, why = FOREIGN_WORDS[path.split('/')[0]]
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            own, name = found[1] == '"', found[2]
            problem = check_own_include(path, name) if own else check_library_include(path, name)
            if problem:
                yield f'{path}:{number}: {problem}'
            if not own and pure and not FREE.match(name) and IMPURE_INCLUDE.match(name) \
                    and library_of(name) not in PURE_LIBRARIES:
                yield f'{path}:{number}: a pure folder does not include <{name}>'
            if not own and library_of(name):
                program = path.split('/')[0] if library_of(name) in PER_PROGRAM else 'all'
                includers.setdefault((program, library_of(name)), set()).add(path)
        elif pure and IMPURE_TEXT.search(line):
            yield f'{path}:{number}: a pure folder reads no clock, no environment and no file: {line.strip()}'
        if words.search(line):
            yield f'{path}:{number}: {why}: {line.strip()}'


def check_links(name, text):
    """The link graph of CMake is a part of the table."""
    for layer, arguments in LAYER_CALL.findall(text):
        depends = re.search(r'DEPENDS\s+((?:[a-z]+(?:/[a-z]+)*\s*)+)', arguments)
        for wanted in depends[1].split() if depends else ():
            if layer in LAYERS and wanted not in LAYERS[layer]:
                yield f'{name}: {layer} must not link {wanted}'


def check(tree):
    """Problems of a tree: path -> text."""
    includers = {}
    for path, text in sorted(tree.items()):
        if path.endswith('CMakeLists.txt'):
            yield from check_links(path, text)
        elif folder_of(path) not in LAYERS:
            yield f'{path}: tools/check_layers.py has no layer {folder_of(path)}'
        else:
            yield from check_file(path, text, includers)
    for (program, library), paths in sorted(includers.items()):
        if len(paths) > 1:
            yield f'{library} may be included by one file, not by {len(paths)} ({program}): {", ".join(sorted(paths))}'


# Seeded violations: (path, text, part of the message); an empty message: allowed.
SEEDS = [
    ('engine/core/a.cc', '#include "engine/sql/split.h"', 'engine/core must not know engine/sql'),
    ('engine/contract/a.h', '#include "engine/core/error.h"', 'engine/contract must not know engine/core'),
    ('engine/script/a.cc', '#include "engine/db/url.h"', 'engine/script must not know engine/db'),
    ('engine/run/a.cc', '#include "engine/cli/print.h"', 'engine/run must not know engine/cli'),
    ('operator/kube/a.cc', '#include "operator/migration/job.h"', 'operator/kube must not know operator/migration'),
    ('operator/kube/a.cc', f'#include "{CONTRACT}"', 'operator/kube must not know engine/contract'),
    ('operator/a.cc', '#include "engine/core/error.h"', f'may include {CONTRACT} only'),
    ('operator/migration/a.cc', f'#include "{CONTRACT}"', ''),
    ('engine/core/a.cc', '#include "plan.h"', 'from the top of the repository'),
    ('engine/utils/a.cc', '', 'has no layer engine/utils'),
    ('engine/db/a.h', '#include <pqxx/pqxx>', 'libpqxx belongs into a source file'),
    ('engine/db/a.h', '#include <nlohmann/json.hpp>', 'json_fwd'),
    ('engine/db/a.cc', '#include <nlohmann/json.hpp>\n#include <fmt/format.h>\n#include <vector>\n#include <unistd.h>', ''),
    ('engine/cli/a.cc', '#include <curl/curl.h>', 'belongs to no library'),
    ('engine/core/a.cc', '#include <fstream>', 'a pure folder does not include <fstream>'),
    ('engine/sql/a.cc', '#include <unistd.h>', 'a pure folder does not include <unistd.h>'),
    ('operator/migration/a.cc', 'auto t = std::chrono::system_clock::now();', 'reads no clock'),
    ('operator/kube/work_queue.cc', 'auto t = std::chrono::steady_clock::now();', 'reads no clock'),
    ('operator/kube/workers.cc', 'auto t = std::chrono::steady_clock::now();', ''),
    ('engine/cli/a.cc', '// starts a Job', 'never heard of Kubernetes'),
    ('engine/cli/a.cc', '// podium, Jobs, kubernetes', ''),
    ('operator/a.cc', 'auto q = "SELECT 1";', 'never heard of SQL'),
    ('engine/CMakeLists.txt', 'stillhead_layer(engine/sql DEPENDS engine/core engine/db LIBRARIES fmt::fmt)',
     'engine/sql must not link engine/db'),
    ('engine/CMakeLists.txt', 'stillhead_layer(engine/sql DEPENDS engine/core LIBRARIES fmt::fmt)', ''),
]


def self_test():
    failures = []
    for path, text, wanted in SEEDS:
        found = list(check({path: text}))
        if bool(found) != bool(wanted) or not any(wanted in problem for problem in found or ['']):
            failures.append(f'{path}: {text!r}: wanted {wanted!r}, found {found}')
    twice = {'engine/db/a.cc': '#include <pqxx/pqxx>', 'operator/a.cc': '#include <pqxx/except>'}
    once = {'engine/cli/a.cc': '#include <boost/program_options.hpp>',
            'operator/a.cc': '#include <boost/program_options.hpp>'}
    if not any('not by 2' in problem for problem in check(twice)):
        failures.append('a library included by two files was not found')
    if list(check(once)):
        failures.append(f'once per program is allowed, found {list(check(once))}')
    return failures


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    if sys.argv[1:] == ['--self-test']:
        problems, what = self_test(), f'{len(SEEDS) + 2} seeded cases'
    else:
        paths = [path for top in ('engine', 'operator') for path in (root / top).rglob('*')
                 if path.suffix in ('.h', '.cc') or path.name == 'CMakeLists.txt']
        tree = {str(path.relative_to(root)): path.read_text(encoding='utf-8') for path in paths}
        problems, what = list(check(tree)), f'{len(tree)} files'
    print('\n'.join([*problems, f'{what}: {len(problems)} problems']))
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
