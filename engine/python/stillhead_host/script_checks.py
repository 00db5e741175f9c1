# SPDX-License-Identifier: Apache-2.0
"""What can be seen of a script, or of env.py, without running it; `stillhead doctor` says what it means."""
import ast
import re

DRIVERS = ("asyncpg", "pg8000", "psycopg", "psycopg2", "sqlite3")
DRIVER_MEMBERS = ("copy", "copy_expert", "copy_from", "copy_to", "dbapi_connection", "driver_connection")
ENDS_TRANSACTION = re.compile(r"\s*(commit|rollback|end|abort)\b", re.IGNORECASE)
LOCK = re.compile(r"pg_(try_)?advisory_", re.IGNORECASE)


def findings_in(path, names):
    """Of the script `path`: (name, line) in the order of lines, as far as `names` has them."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (SyntaxError, ValueError) as error:
        return [("does_not_compile", getattr(error, "lineno", None) or 1)]
    except OSError:
        return []  # Stillhead has read it, and says what is wrong with it
    found = sorted(set(_functions(tree)) | set(_seen(tree)), key=lambda finding: (finding[1], finding[0]))
    return [finding for finding in found if finding[0] in names]


def _functions(tree):
    made = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    bound = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom)
             for alias in node.names}
    bound |= {target.id for node in tree.body if isinstance(node, ast.Assign)
              for target in node.targets if isinstance(target, ast.Name)}
    for name in ("upgrade", "downgrade"):
        if name not in made and name not in bound:
            yield "no_" + name, 1
    up, down = made.get("upgrade"), made.get("downgrade")
    if up and down and _does_nothing(down) and not _does_nothing(up):
        yield "empty_downgrade", down.lineno


def _does_nothing(function):
    return all(isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
               for node in function.body)


def _seen(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Attribute) and node.attr in DRIVER_MEMBERS:
            yield "own_driver", node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _of_text(node)
        elif isinstance(node, ast.Import):
            yield from _of_import(node, [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from _of_import(node, [node.module])


def _of_call(node):
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name == "commit" and isinstance(node.func, ast.Attribute):
        yield "commits", node.lineno
    elif name == "autocommit_block":
        yield "autocommit", node.lineno
    elif name in ("create_engine", "create_async_engine", "engine_from_config"):
        yield "own_connection", node.lineno


def _of_text(node):
    if ENDS_TRANSACTION.match(node.value) and len(node.value.split()) <= 3:
        yield "commits", node.lineno
    if LOCK.search(node.value):
        yield "own_lock", node.lineno


def _of_import(node, modules):
    if any(module.split(".")[0] in DRIVERS for module in modules):
        yield "own_driver", node.lineno
