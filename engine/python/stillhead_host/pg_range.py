# SPDX-License-Identifier: Apache-2.0
"""Ranges as PostgreSQL's drivers for Python have them: immutable, two bounds, or empty."""
import datetime


class Range:
    """`bounds` is one of [) (] () []; None is infinity. Numbers where nothing else is told."""

    type_name = None

    __slots__ = ("_lower", "_upper", "_bounds")

    def __init__(self, lower=None, upper=None, bounds="[)", empty=False):
        if bounds not in ("[)", "(]", "()", "[]"):
            raise ValueError("bound flags not valid: %r" % bounds)
        self._lower = None if empty else lower
        self._upper = None if empty else upper
        self._bounds = None if empty else bounds

    @staticmethod
    def of_bounds(lower, upper, bounds="[)", empty=False):
        """The range whose kind is told by its bounds."""
        known = upper if lower is None else lower
        kind = NumericRange
        if isinstance(known, datetime.datetime):
            kind = DateTimeRange if known.tzinfo is None else DateTimeTZRange
        elif isinstance(known, datetime.date):
            kind = DateRange
        return kind(lower, upper, bounds, empty)

    lower = property(lambda self: self._lower)
    upper = property(lambda self: self._upper)
    isempty = is_empty = empty = property(lambda self: self._bounds is None)
    bounds = property(lambda self: self._bounds)
    lower_inf = property(lambda self: self._bounds is not None and self._lower is None)
    upper_inf = property(lambda self: self._bounds is not None and self._upper is None)
    lower_inc = property(lambda self: self._bounds is not None and self._lower is not None
                         and self._bounds[0] == "[")
    upper_inc = property(lambda self: self._bounds is not None and self._upper is not None
                         and self._bounds[1] == "]")

    def __contains__(self, value):
        if self._bounds is None:
            return False
        if self._lower is not None and (value < self._lower or value == self._lower and not self.lower_inc):
            return False
        return self._upper is None or value < self._upper or value == self._upper and self.upper_inc

    def __eq__(self, other):
        if not all(hasattr(other, name) for name in Range.__slots__):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in Range.__slots__)

    def __hash__(self):
        return hash((self._lower, self._upper, self._bounds))

    def __bool__(self):
        return self._bounds is not None

    def __repr__(self):
        if self._bounds is None:
            return "%s(empty=True)" % type(self).__name__
        return "%s(%r, %r, %r)" % (type(self).__name__, self._lower, self._upper, self._bounds)

    def text(self):
        """PostgreSQL's text form."""
        if self._bounds is None:
            return "empty"
        lower, upper = ('"%s"' % bound if " " in str(bound) else str(bound) if bound is not None else ""
                        for bound in (self._lower, self._upper))
        return self._bounds[0] + lower + "," + upper + self._bounds[1]

    def literal(self, of_bound):
        """`of_bound` makes the literal of a bound."""
        if self.type_name is None or self._bounds is None:
            return "'%s'%s" % (self.text(), "::" + self.type_name if self.type_name else "")
        return "%s(%s, %s, '%s')" % (self.type_name, of_bound(self._lower), of_bound(self._upper),
                                     self._bounds)


class NumericRange(Range):
    """int4range, int8range, numrange: PostgreSQL tells by the place which of them."""

    __slots__ = ()


class DateRange(Range):
    """daterange"""

    __slots__ = ()
    type_name = "daterange"


class DateTimeRange(Range):
    """tsrange"""

    __slots__ = ()
    type_name = "tsrange"


class DateTimeTZRange(Range):
    """tstzrange"""

    __slots__ = ()
    type_name = "tstzrange"
