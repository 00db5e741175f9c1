# SPDX-License-Identifier: Apache-2.0
"""Texts of cases.json with {rev1}, {dir}, {db} ... in them: put values in, and learn values. No I/O."""
import re

NAME = re.compile(r"\{(rev\d+|date|stamp|dir|db|pg_host|pg_port|pg_user|pg_password|sqlite)\}")
OF_ONE_FILE = ("date", "stamp")
FORMS = {"stamp": r"\d{8}_\d{4}", "date": r"\S+ \S+", "rev": "[0-9a-f]{12}"}


class Unbound(Exception):
    """A revision is needed that no step has generated."""

    def __init__(self, name: str):
        super().__init__(f"needs {{{name}}}, which no earlier step has generated")


def filled(value, values: dict[str, str]):
    """`value` (texts in lists and objects) with its placeholders replaced."""
    if isinstance(value, str):
        return NAME.sub(lambda match: known(match[1], values), value)
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    if isinstance(value, dict):
        return {filled(key, values): filled(item, values) for key, item in value.items()}
    return value


def known(name: str, values: dict[str, str]) -> str:
    if name not in values:
        raise Unbound(name)
    return values[name]


def pattern(template: str, values: dict[str, str]) -> re.Pattern:
    """Matches `template` with a group for each placeholder that has no value yet."""
    parts, seen, end = [], set(), 0
    for match in NAME.finditer(template):
        parts.append(re.escape(template[end:match.start()]))
        name, end = match[1], match.end()
        if name in values:
            parts.append(re.escape(values[name]))
        else:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{FORMS[name.rstrip('0123456789')]})")
            seen.add(name)
    parts.append(re.escape(template[end:]))
    return re.compile("^" + "".join(parts) + "$", re.MULTILINE)


def learn(template: str, text: str, values: dict[str, str]) -> None:
    """Gives values to the placeholders of each line of `template` that `text` has, too."""
    for line in template.splitlines():
        if all(match[1] in values for match in NAME.finditer(line)):
            continue
        if found := pattern(line, values).search(text):
            values.update(found.groupdict())
