# SPDX-License-Identifier: Apache-2.0
"""What the program stillhead prints: its report, and its lines for people, which become log records."""
import json
import logging
import threading

# Below `alembic`, so that the [loggers] of alembic.ini are about it, too.
LOGGER = logging.getLogger("alembic.stillhead")
# Of progress lines, by `msg`. Of STEPS where Alembic does not say the same.
TEXTS = {
    "waiting for lock": lambda line: "Waiting for another run to end" + _behind(": ", line.get("holder")),
    "retrying": lambda line: "{revision}: {what}: attempt {attempt} of {attempts} failed".format_map(line),
    "progress": lambda line: "{revision}: {phase}".format_map(line),
    "step resumed": lambda line: "{revision}: going on behind statement {done}".format_map(line),
}
STEPS = {
    "step started": lambda line: "Running {direction} {revision}".format_map(line) +
                                 _behind(", ", line.get("message")),
    "stamp started": lambda line: "Running stamp_revision {} -> {}".format(
        ", ".join(line["from"]), ", ".join(line["to"])),
}


class Told:
    """Reads both streams of the process to their ends; `is_alembics`: Alembic itself says which steps run."""

    def __init__(self, process):
        self.is_alembics = False
        self._process = process
        self._output = b""
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._collect, self._log)]
        for thread in self._threads:
            thread.start()

    def report(self):
        """docs/report.md. Waits for the end."""
        code = self._process.wait()
        for thread in self._threads:
            thread.join()
        try:
            return json.loads(self._output)
        except ValueError:
            return {"reason": "Bug", "message": "the program stillhead has ended with code {} and without a "
                                                "report; what was not committed is rolled back".format(code)}

    def _collect(self):
        self._output = self._process.stdout.read()
        self._process.stdout.close()

    def _log(self):
        with self._process.stderr as stream:
            for line in stream:
                self._tell(line.decode("utf-8", "replace").rstrip("\n"))

    def _tell(self, text):
        try:
            line = json.loads(text)
        except ValueError:
            LOGGER.warning("%s", text)
            return
        kind, message = line.get("stillhead"), line.get("msg")
        if kind == "progress":
            known = dict(TEXTS) if self.is_alembics else {**TEXTS, **STEPS}
            if message in known:
                LOGGER.info("%s", known[message](line))
        elif kind == "hook":
            LOGGER.info("%s: %s", line.get("hook"), message)
        elif kind == "sql":
            LOGGER.info("%s", message)
        elif kind == "warning":
            LOGGER.warning("%s", message)


def _behind(sign, text):
    return sign + text if text else ""
