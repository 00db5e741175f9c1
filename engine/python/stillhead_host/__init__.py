# SPDX-License-Identifier: Apache-2.0
"""The script host: runs revisions that are Python scripts in the interpreter of their project."""
