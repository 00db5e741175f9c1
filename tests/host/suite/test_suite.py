# SPDX-License-Identifier: Apache-2.0
"""All of SQLAlchemy's compliance suite."""
from sqlalchemy.testing.suite import *  # noqa: F401,F403  pylint: disable=wildcard-import,unused-wildcard-import
