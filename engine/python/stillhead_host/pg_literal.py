# SPDX-License-Identifier: Apache-2.0
"""Python's values as literals of PostgreSQL, spelled as psycopg2 spells them."""
import datetime
import decimal
import ipaddress
import sys
import uuid

from stillhead_host.errors import ProgrammingError
from stillhead_host.pg_range import Range


def quote(text):
    """E'' only where a backslash makes a difference between settings of standard_conforming_strings."""
    if "\0" in text:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")
    quoted = text.replace("'", "''")
    if "\\" in quoted:
        return " E'" + quoted.replace("\\", "\\\\") + "'"
    return "'" + quoted + "'"


def _text(value):
    return quote(str.__str__(value))


def _number(text):
    # Behind an operator a minus would make another operator of it: "1 -%s".
    return " " + text if text.startswith("-") else text


def _integer(value):
    return _number(int.__repr__(value))


def _float(value):
    if value != value:
        return "'NaN'::float"
    if value in (float("inf"), float("-inf")):
        return "'%sInfinity'::float" % ("-" if value < 0 else "")
    return _number(float.__repr__(value))


def _decimal(value):
    return _number(str(value)) if value.is_finite() else "'NaN'::numeric"


def _bytes(value):
    return "'\\x" + bytes(value).hex() + "'::bytea"


def _timestamp(value):
    return "'%s'::%s" % (value.isoformat(), "timestamp" if value.tzinfo is None else "timestamptz")


def _time(value):
    return "'%s'::%s" % (value.isoformat(), "time" if value.tzinfo is None else "timetz")


def _interval(value):
    return "'%d days %d.%06d seconds'::interval" % (value.days, value.seconds, value.microseconds)


def _list(value):
    if not value:
        return "'{}'"
    parts, only_nulls = [], True
    for item in value:
        part = "NULL" if item is None else "ARRAY[]" if item == [] else literal(item)
        # ARRAY[] cannot tell the type where no member has one.
        if item is not None and not (isinstance(item, list) and part.startswith("'{")):
            only_nulls = False
        parts.append(part)
    if only_nulls:
        return "'{%s}'" % ",".join(part[1:-1] if part.startswith("'") else part for part in parts)
    return "ARRAY[%s]" % ",".join(parts)


def _tuple(value):
    return "(%s)" % ", ".join(literal(item) for item in value)


def _address(value):
    return "'%s'::inet" % value


def _network(value):
    return "'%s'::cidr" % value


def _range(value):
    return value.literal(literal)


class Hstore(dict):
    """Keys and values are text or None; written as a value of type hstore."""

    def literal(self):
        if not self:
            return "''::hstore"
        return "hstore(%s, %s)" % (_list(list(self)), _list(list(self.values())))


# In the order in which a subclass finds its own: datetime before date, bool before int.
WRITERS = {
    type(None): lambda value: "NULL", bool: lambda value: "true" if value else "false", str: _text,
    int: _integer, float: _float, decimal.Decimal: _decimal, bytes: _bytes, bytearray: _bytes,
    memoryview: _bytes, datetime.datetime: _timestamp,
    datetime.date: lambda value: "'%s'::date" % value.isoformat(),
    datetime.time: _time, datetime.timedelta: _interval, uuid.UUID: lambda value: "'%s'::uuid" % value,
    list: _list, tuple: _tuple, Range: _range, Hstore: lambda value: value.literal(),
    ipaddress.IPv4Interface: _address, ipaddress.IPv6Interface: _address, ipaddress.IPv4Address: _address,
    ipaddress.IPv6Address: _address, ipaddress.IPv4Network: _network, ipaddress.IPv6Network: _network}


def _foreign(value, kind):
    """What psycopg2 makes of it, where the project has loaded psycopg2 and uses its wrappers or adapters."""
    if hasattr(value, "getquoted"):
        adapted = value
    else:
        extensions = sys.modules.get("psycopg2.extensions")
        adapter = extensions and extensions.adapters.get((kind, extensions.ISQLQuote))
        if not adapter:
            return None
        adapted = adapter(value)
    if hasattr(adapted, "dumps") and hasattr(adapted, "adapted"):
        return quote(adapted.dumps(adapted.adapted))
    if type(adapted).__name__ == "HstoreAdapter":
        return Hstore(adapted.wrapped).literal()
    text = adapted.getquoted()
    return text if isinstance(text, str) else text.decode("utf-8")


def literal(value):
    """Raises ProgrammingError for what has no literal."""
    kind = type(value)
    writer = WRITERS.get(kind)
    if writer is not None:
        return writer(value)
    foreign = _foreign(value, kind)
    if foreign is not None:
        return foreign
    for base in kind.__mro__:
        if base in WRITERS:
            return WRITERS[base](value)
    if kind.__name__ in ("Range", "MultiRange") and kind.__module__.startswith("sqlalchemy."):
        return _sqlalchemy_range(value)
    raise ProgrammingError("can't adapt type '%s'" % kind.__name__)


def _sqlalchemy_range(value):
    if isinstance(value, list):
        return "'{%s}'" % ",".join(_plain_range(item) for item in value)
    return Range.of_bounds(value.lower, value.upper, value.bounds, value.empty).literal(literal)


def _plain_range(value):
    return Range(value.lower, value.upper, value.bounds, value.empty).text().replace("'", "''")
