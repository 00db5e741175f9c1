# SPDX-License-Identifier: Apache-2.0
"""Dates, times and intervals out of PostgreSQL's text form (DateStyle ISO, IntervalStyle postgres)."""
import datetime
import re

from stillhead_host.errors import NotSupportedError

UTC = datetime.timezone.utc
_TIME = re.compile(r"(\d+):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?$")
_DATE = re.compile(r"(\d+)-(\d\d)-(\d\d)( BC)?$")
_INTERVAL = re.compile(r"(?:([+-]?\d+) (?:year|years) ?)?(?:([+-]?\d+) (?:mon|mons) ?)?"
                       r"(?:([+-]?\d+) (?:day|days) ?)?"
                       r"(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?$")


def _microseconds(digits):
    return int((digits or "0").ljust(6, "0")[:6])


def _zone(sign, hours, minutes, seconds):
    if sign is None:
        return None
    offset = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    if not offset:
        return UTC
    return datetime.timezone(datetime.timedelta(seconds=-offset if sign == "-" else offset))


def date(text):
    """Infinity is the last day that Python knows."""
    if text in ("infinity", "-infinity"):
        return datetime.date.min if text[0] == "-" else datetime.date.max
    match = _DATE.match(text)
    if match is None:
        raise NotSupportedError("a date in another DateStyle than ISO: %s" % text)
    year, month, day, era = match.groups()
    return datetime.date(-int(year) if era else int(year), int(month), int(day))


def time(text):
    """With and without a zone."""
    hour, minute, second, digits, *zone = _TIME.match(text).groups()
    return datetime.time(int(hour) % 24, int(minute), int(second or 0), _microseconds(digits),
                         tzinfo=_zone(*zone))


def _infinite(text, zone):
    limit = datetime.datetime.min if text[0] == "-" else datetime.datetime.max
    return limit.replace(tzinfo=zone)


def timestamp(text):
    """Without a zone."""
    if text in ("infinity", "-infinity"):
        return _infinite(text, None)
    return _timestamp(text)


def timestamptz(text):
    """With the offset that the server told."""
    if text in ("infinity", "-infinity"):
        return _infinite(text, UTC)
    return _timestamp(text)


def _timestamp(text):
    before, _, behind = text.partition(" ")
    if behind.endswith(" BC"):
        before, behind = before + " BC", behind[:-3]
    match = _TIME.match(behind)
    if match is None:
        raise NotSupportedError("a timestamp in another DateStyle than ISO: %s" % text)
    day = date(before)
    hour, minute, second, digits, *zone = match.groups()
    return datetime.datetime(day.year, day.month, day.day, int(hour), int(minute), int(second or 0),
                             _microseconds(digits), tzinfo=_zone(*zone))


def interval(text):
    """A year has 365 days, a month 30: psycopg2's rule."""
    match = _INTERVAL.match(text)
    if match is None:
        raise NotSupportedError("an interval in another IntervalStyle than postgres: %s" % text)
    years, months, days, sign, hours, minutes, seconds, digits = match.groups()
    clock = datetime.timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0),
                               microseconds=_microseconds(digits))
    whole = int(years or 0) * 365 + int(months or 0) * 30 + int(days or 0)
    return datetime.timedelta(days=whole) + (-clock if sign == "-" else clock)
