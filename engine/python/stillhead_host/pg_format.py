# SPDX-License-Identifier: Apache-2.0
"""Puts literals into the text of a statement: %s and %(name)s, as psycopg2 does it."""
import re
from collections.abc import Mapping

from stillhead_host.errors import ProgrammingError
from stillhead_host.pg_literal import literal, quote

_PLACE = re.compile(r"%(?:(%)|\(([^)]*)\)(.?)|(.?))", re.DOTALL)


def merge(sql, parameters):
    """None leaves the text alone, `%%` included; anything else makes one % of it."""
    if parameters is None:
        return sql
    if "%" not in sql:
        return sql
    writer = _Writer(parameters)
    merged = _PLACE.sub(writer.write, sql)
    if writer.position and writer.position < len(parameters):
        raise TypeError("not all arguments converted during string formatting")
    return merged


class _Writer:
    """Literals are made once for each name."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.position = 0
        self.named = {}

    def write(self, match):
        percent, name, behind, sign = match.groups()
        if percent:
            return "%"
        if name is None:
            value = self.next_value()
            self.check(sign, match)
            return value
        self.check(behind, match)
        if self.position:
            raise ProgrammingError("argument formats can't be mixed")
        if name not in self.named:
            self.named[name] = literal(self.parameters[name])
        return self.named[name]

    def next_value(self):
        if self.named:
            raise ProgrammingError("argument formats can't be mixed")
        if isinstance(self.parameters, Mapping):
            raise TypeError("format requires a sequence, not a mapping: use %(name)s")
        self.position += 1
        return literal(self.parameters[self.position - 1])

    @staticmethod
    def check(sign, match):
        if sign == "":
            raise ProgrammingError("incomplete placeholder: '%s'" % match.group())
        if sign != "s":
            raise ValueError("unsupported format character '%s' (0x%x) at index %d"
                             % (sign, ord(sign), match.end() - 1))


def identifier(name):
    return '"%s"' % name.replace('"', '""')


def text_of(operation):
    """The text of `operation`: str, bytes, or an object of psycopg2.sql."""
    if isinstance(operation, str):
        return operation
    if isinstance(operation, (bytes, bytearray)):
        return operation.decode("utf-8")
    parts = getattr(operation, "seq", None)
    if parts is not None and hasattr(operation, "as_string"):
        return "".join(text_of(part) for part in parts)
    kind = type(operation).__name__
    if kind == "Identifier" and hasattr(operation, "strings"):
        return ".".join(identifier(name) for name in operation.strings)
    if kind == "Literal" and hasattr(operation, "wrapped"):
        return literal(operation.wrapped)
    if hasattr(operation, "as_string"):
        return operation.as_string(None)
    raise TypeError("argument 1 must be a string or unicode object: got %s instead" % kind)


__all__ = ["identifier", "literal", "merge", "quote", "text_of"]
