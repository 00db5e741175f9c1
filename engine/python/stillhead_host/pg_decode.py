# SPDX-License-Identifier: Apache-2.0
"""Values of PostgreSQL out of their text form, by the OID of their type, as psycopg2 gives them."""
import decimal
import json
import re
import uuid

from stillhead_host import pg_range, pg_temporal
from stillhead_host.errors import DataError

_ESCAPED = re.compile(rb"\\(\\|[0-7]{3})")
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([{}])|([^,{}"]+)', re.DOTALL)
_RANGE = re.compile(r'([\[(])(?:"((?:[^"\\]|\\.|"")*)"|([^",]*)),'
                    r'(?:"((?:[^"\\]|\\.|"")*)"|([^"\])]*))([\])])$', re.DOTALL)
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:(NULL)|"((?:[^"\\]|\\.)*)")(?:, |$)', re.DOTALL)
_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)


def _plain(text):
    return _BACKSLASH.sub(r"\1", text) if "\\" in text else text


def boolean(text):
    return text == "t"


def binary(text):
    """A memoryview, of either setting of bytea_output."""
    if text.startswith("\\x"):
        return memoryview(bytes.fromhex(text[2:]))
    return memoryview(_ESCAPED.sub(lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)]),
                                   text.encode("latin-1")))


def array_of(cast):
    """Reads an array whose members `cast` reads (None: text). Other bounds than 1 are dropped."""
    def read(text):
        whole, stack = [], []
        for quoted, brace, bare in _TOKEN.findall(text, text.index("{")):
            if brace == "{":
                stack.append([] if stack else whole)
            elif brace:
                done = stack.pop()
                if stack:
                    stack[-1].append(done)
            elif bare == "NULL":
                stack[-1].append(None)
            else:
                value = bare or _plain(quoted)
                stack[-1].append(cast(value) if cast else value)
        return whole
    return read


def range_of(kind, cast):
    """Reads a range whose bounds `cast` reads, as an object of the class `kind`."""
    def bound(quoted, bare):
        if quoted:
            return cast(_plain(quoted.replace('""', '"')))
        return cast(bare) if bare else None

    def read(text):
        if text == "empty":
            return kind(empty=True)
        match = _RANGE.match(text)
        if match is None:
            raise DataError("failed to parse range: '%s'" % text)
        return kind(bound(match[2], match[3]), bound(match[4], match[5]), match[1] + match[6])
    return read


def hstore(text):
    """Keys and values are text or None."""
    return {_plain(key): None if null else _plain(value) for key, null, value in _PAIR.findall(text)}


_RANGES = {
    3904: (3905, pg_range.NumericRange, int), 3926: (3927, pg_range.NumericRange, int),
    3906: (3907, pg_range.NumericRange, decimal.Decimal),
    3908: (3909, pg_range.DateTimeRange, pg_temporal.timestamp),
    3910: (3911, pg_range.DateTimeTZRange, pg_temporal.timestamptz),
    3912: (3913, pg_range.DateRange, pg_temporal.date)}
# OID of a type: those of its arrays, and what reads it.
_SCALARS = {
    16: ((1000,), boolean), 17: ((1001,), binary), 20: ((1016,), int), 21: ((1005, 1006), int),
    23: ((1007,), int), 26: ((1028, 1013), int), 700: ((1021,), float), 701: ((1022,), float),
    1700: ((1231,), decimal.Decimal), 1082: ((1182,), pg_temporal.date), 1083: ((1183,), pg_temporal.time),
    1266: ((1270,), pg_temporal.time), 1114: ((1115,), pg_temporal.timestamp),
    1184: ((1185,), pg_temporal.timestamptz), 704: ((), pg_temporal.interval),
    1186: ((1187,), pg_temporal.interval), 114: ((199,), json.loads), 3802: ((3807,), json.loads),
    # text, varchar, char, name, bpchar; inet, cidr, macaddr
    25: ((1009,), None), 1043: ((1015,), None), 18: ((1002,), None), 19: ((1003,), None),
    1042: ((1014,), None), 869: ((1041,), None), 650: ((651,), None), 829: ((1040,), None)}
FIRST_OF_USERS = 16384


class Casts:
    """What reads the types of one connection."""

    def __init__(self):
        self._casts = {}
        for oid, (arrays, cast) in _SCALARS.items():
            self.register(oid, arrays, cast)
        for oid, (array, kind, cast) in _RANGES.items():
            self.register(oid, (array,), range_of(kind, cast))

    def register(self, oid, arrays, cast):
        """`cast` None: the text is the value."""
        self._casts[oid] = cast
        for array in arrays:
            self._casts[array] = array_of(cast)

    def register_uuid(self):
        self.register(2950, (2951,), uuid.UUID)

    def register_json(self, loads):
        self.register(114, (199,), loads)
        self.register(3802, (3807,), loads)

    def of(self, oid):
        """None: the text is the value."""
        return self._casts.get(oid)

    def knows(self, oid):
        return oid < FIRST_OF_USERS or oid in self._casts
