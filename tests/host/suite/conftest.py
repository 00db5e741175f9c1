# SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy's compliance suite, with its engines served by our driver over the reference engine."""
import os
import sys

import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402,F401,F403  pylint: disable=wildcard-import

if os.environ["STILLHEAD_SUITE_DRIVER"] == "stillhead":
    sys.path[:0] = os.environ["STILLHEAD_SUITE_PATH"].split(os.pathsep)
    from reference_engine import Engine
    from stillhead_host import replace, wire

    replace.install(wire.Wire(Engine().fd), None, print)
