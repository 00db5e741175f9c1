# SPDX-License-Identifier: Apache-2.0
"""While env.py and scripts run, engines of SQLAlchemy for the run's database are served by Stillhead."""


def install(wire, url, warn):
    """From here on, engines for `url` (None: for any PostgreSQL or SQLite database) use our dialects.

    `warn` is called with one line about each engine that is left alone although its database is the run's.
    """
    raise NotImplementedError


def number_of(connection):
    """The protocol's number of what an SQLAlchemy Connection stands on; None when it is not ours."""
    raise NotImplementedError
