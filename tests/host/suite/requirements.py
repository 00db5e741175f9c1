# SPDX-License-Identifier: Apache-2.0
"""What SQLAlchemy's compliance suite may ask of PostgreSQL and of SQLite, over any driver.

A requirement that stands in no list is as SQLAlchemy has it for dialects that say nothing.
"""
import os

import sqlalchemy
from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

FLAVOUR = os.environ["SUITE_FLAVOUR"]
BOTH = """
    autocommit boolean_col_expressions check_constraint_reflection computed_columns
    computed_columns_reflect_persisted computed_columns_stored create_temp_table_as ctes
    ctes_with_values create_table_as date_historic datetime_historic datetime_literals except_ expression_server_defaults
    fetch_expression fetch_offset_with_options fk_constraint_option_reflection_ondelete_noaction
    fk_constraint_option_reflection_ondelete_restrict fk_constraint_option_reflection_onupdate_restrict
    float_or_double_precision_behaves_generically foreign_key_constraint_name_reflection
    foreign_key_constraint_option_reflection_ondelete foreign_key_constraint_option_reflection_onupdate
    index_ddl_if_exists indexes_check_column_order indexes_with_expressions infinity_floats
    inline_check_constraint_reflection intersect isolation_level json_type legacy_unconditional_json_extract
    reflect_table_options
    mod_operator_as_percent_sign nullsordering percent_schema_names precision_numerics_enotation_large
    precision_numerics_enotation_small precision_numerics_retains_significant_digits
    reflects_pk_names repeated_column_foreign_keys server_defaults skip_autocommit_rollback
    standalone_binds supports_bitwise_and supports_bitwise_not supports_bitwise_or supports_bitwise_shift
    supports_bitwise_xor table_ddl_if_exists tuple_in unicode_ddl update_from views window_functions
    window_range window_range_numeric"""
POSTGRESQL = """
    aggregate_order_by array_type column_collation_reflection comment_reflection
    comment_reflection_full_unicode computed_columns_default_persisted constraint_comment_reflection
    create_or_replace_view cross_schema_fk_reflection ctes_on_dml ctes_with_update_delete datetime_interval
    datetime_timezone datetime_timezone_historic default_schema_name_switch deferrable_fks delete_from
    fetch_first fetch_no_order_by fetch_ties has_temp_table identity_columns identity_columns_standard
    implicit_default_schema index_reflects_included_columns materialized_views
    precision_numerics_many_significant_digits reflect_indexes_with_expressions reflect_tables_no_columns
    regexp_match regexp_replace savepoints schema_create_delete schemas supports_distinct_on table_value_constructor
    temp_table_comment_reflection temp_table_names temporary_views time_timezone
    unique_constraints_reflect_as_index uuid_data_type window_range_non_numeric"""
SQLITE = """
    computed_columns_virtual dbapi_lastrowid emulated_lastrowid emulated_lastrowid_even_with_sequences
    non_updating_cascade nvarchar_types order_by_label_with_expression repeated_remote_col_foreign_keys savepoints
    schemas"""
# What SQLAlchemy's dialects have had only since then.
SINCE = {"reflect_table_options": (2, 0 if FLAVOUR == "sqlite" else 1), "create_table_as": (2, 1),
         "temp_table_names": (2, 0), "datetime_literals": (1 if FLAVOUR == "sqlite" else 2,)}
# SQLAlchemy 2.1 warns about each computed column that PostgreSQL before 18 stores; the suite takes no warning.
UNTIL = {} if FLAVOUR == "sqlite" else {"computed_columns": (2, 1)}
# SQLite: regexp() is a function of Python that SQLAlchemy adds to sqlite3; temporary tables do not outlive their
# connection, and its schemas are other files.
CLOSED = {"postgresql": "", "sqlite": """
    regexp_match cast_precision_numerics_many_significant_digits foreign_keys implicitly_named_constraints
    independent_connections json_index_supplementary_unicode_element nested_aggregates
    numeric_received_as_decimal_untyped on_update_cascade on_update_or_deferrable_fks
    parens_in_union_contained_select_w_limit_offset parens_in_union_contained_select_wo_limit_offset
    sane_rowcount_w_returning temp_table_reflect_indexes temp_table_reflection temporary_tables"""}


class Requirements(SuiteRequirements):
    """Filled below."""

    def get_order_by_collation(self, _config):
        return "POSIX" if FLAVOUR == "postgresql" else "nocase"

    def get_isolation_levels(self, _config):
        if FLAVOUR == "postgresql":
            return {"default": "READ COMMITTED", "supported": ["AUTOCOMMIT", "READ COMMITTED", "READ UNCOMMITTED",
                                                               "REPEATABLE READ", "SERIALIZABLE"]}
        return {"default": "SERIALIZABLE", "supported": ["READ UNCOMMITTED", "SERIALIZABLE", "AUTOCOMMIT"]}

    @property
    def unicode_data_no_special_types(self):
        return exclusions.open()


_version = tuple(map(int, sqlalchemy.__version__.split(".")[:2]))
for _name in (BOTH + (POSTGRESQL if FLAVOUR == "postgresql" else SQLITE)).split():
    if SINCE.get(_name, (1,)) <= _version < UNTIL.get(_name, (9,)):
        setattr(Requirements, _name, property(lambda self: exclusions.open()))
for _name in CLOSED[FLAVOUR].split():
    setattr(Requirements, _name, property(lambda self: exclusions.closed()))
