# SPDX-License-Identifier: Apache-2.0
"""What SQLAlchemy's compliance suite asks of pytest."""
import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402,F401,F403  pylint: disable=wildcard-import
