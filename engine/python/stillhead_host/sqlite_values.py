# SPDX-License-Identifier: Apache-2.0
"""Parameters and values of SQLite: what Python's sqlite3 takes and gives, and the protocol's form of it."""
import base64
import functools
import math
import re
import sys

from stillhead_host.errors import InterfaceError, ProgrammingError

# What is no parameter though it looks like one, or a parameter.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|$)"""
                    r"""|(?<![\w$])(\?\d*|[:@$][\w$]+(?:::[\w$]+)*)""", re.DOTALL)
MOST, LEAST = 2 ** 63 - 1, -2 ** 63
# sqlite3 changed its mind about what a parameter of a type that it does not know is.
UNSUPPORTED = ProgrammingError if sys.version_info >= (3, 11) else InterfaceError


@functools.lru_cache(maxsize=512)
def places(sql):
    """The parameters of `sql` as SQLite numbers them: names with their sign, None for ?."""
    found = []
    for place in _TOKEN.findall(sql):
        if place == "?":
            found.append(None)
        elif place.startswith("?"):
            found.extend([None] * (int(place[1:]) - len(found)))
        elif place and place not in found:
            found.append(place)
    return tuple(found)


def in_order(sql, parameters):
    """The values to bind, from a sequence or a mapping. Raises ProgrammingError where they do not fit."""
    wanted = places(sql)
    if hasattr(parameters, "keys"):
        return [to_json(_named(name, at, parameters), at) for at, name in enumerate(wanted)]
    if len(parameters) != len(wanted):
        raise ProgrammingError("Incorrect number of bindings supplied. The current statement uses %d, and "
                               "there are %d supplied." % (len(wanted), len(parameters)))
    return [to_json(value, at) for at, value in enumerate(parameters)]


def _named(name, at, parameters):
    if name is None:
        raise ProgrammingError("Binding %d has no name, but you supplied a dictionary (which has only names)."
                               % (at + 1))
    try:
        return parameters[name[1:]]
    except LookupError:
        raise ProgrammingError("You did not supply a value for binding parameter %s." % name) from None


def _adapted(value):
    """By what was registered with sqlite3.register_adapter(), dates among it."""
    import sqlite3  # pylint: disable=import-outside-toplevel  (not every Python has it)
    adapter = sqlite3.adapters.get((type(value), sqlite3.PrepareProtocol))
    if adapter is not None:
        return adapter(value)
    conform = getattr(value, "__conform__", None)
    return value if conform is None else conform(sqlite3.PrepareProtocol)


def to_json(value, at=0):
    """The protocol's form of a parameter; `at` counts from 0, for the error."""
    kind = type(value)
    if value is None or kind is str:
        return value
    if kind not in (int, float, bool, bytes, bytearray, memoryview):
        value = _adapted(value)
    if value is None:
        return None
    if isinstance(value, int):
        if not LEAST <= value <= MOST:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return int(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return {"real": "inf" if value > 0 else "-inf"} if math.isinf(value) else float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"blob": base64.b64encode(value).decode("ascii")}
    raise UNSUPPORTED("Error binding parameter %d: type '%s' is not supported" % (at + 1, kind.__name__))


def from_json(value):
    """What sqlite3 gives for the protocol's form of a value."""
    if isinstance(value, dict):
        return base64.b64decode(value["blob"]) if "blob" in value else float(value["real"])
    return value
