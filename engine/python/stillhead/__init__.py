# SPDX-License-Identifier: Apache-2.0
"""For programs in Python that use Stillhead; stillhead.alembic stands where they call Alembic."""
