# SPDX-License-Identifier: Apache-2.0
"""Small Alembic projects: path to text. `env()` and `revision()` make their files."""
import textwrap

HEAD = "import os\nfrom logging.config import fileConfig\nfrom alembic import context\nimport sqlalchemy as sa\n" \
       "fileConfig(context.config.config_file_name)\n"


def env(configure="", run="", before="", metadata="sa.MetaData()"):
    """An env.py with more arguments of configure() and run_migrations(), and lines before the first."""
    return {"scripts/env.py": HEAD + textwrap.dedent(f"""
        target = {metadata}
        def offline():
            context.configure(url=os.environ["DATABASE_URL"], target_metadata=target, literal_binds=True)
            with context.begin_transaction():
                context.run_migrations()
        def online():
            engine = sa.create_engine(os.environ["DATABASE_URL"], poolclass=sa.pool.NullPool)
            with engine.connect() as connection:
                {before or "pass"}
                context.configure(connection=connection, target_metadata=target, {configure})
                with context.begin_transaction():
                    context.run_migrations({run})
        offline() if context.is_offline_mode() else online()
        """)}


def own_env(text):
    """An env.py of the text's own."""
    return {"scripts/env.py": HEAD + textwrap.dedent(text)}


def revision(name, down, up, back="pass", depends=None, labels=None, arguments="", head=""):
    """scripts/versions/NAME_x.py; `up`, `back`: bodies of the functions, `head`: lines above them."""
    text = f'"""Make {name}\n\nMore words.\n"""\nrevision = {name!r}\ndown_revision = {down!r}\n' \
           f'depends_on = {depends!r}\nbranch_labels = {labels!r}\n\nfrom alembic import op\n' \
           f'import sqlalchemy as sa\n{head}\n'
    for function, body in (("upgrade", up), ("downgrade", back)):
        text += f"\ndef {function}({arguments}):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
    return {f"scripts/versions/{name}_x.py": text}


def table(name, down, **more):
    """A revision that makes a table of its own name with a row in it."""
    return revision(name, down, f"""
        made = op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.String(9)))
        op.bulk_insert(made, [{{"id": 1, "x": "one"}}])
        op.execute("INSERT INTO {name} (id, x) VALUES (2, '100%')")
        """, f'op.drop_table("{name}")', **more)


LINE = {**table("r1", None), **table("r2", "r1"), **revision("r3", "r2", """
    with op.batch_alter_table("r2") as batch:
        batch.add_column(sa.Column("more", sa.Integer))
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT id, x FROM r2 WHERE id > :low ORDER BY id"), {"low": 0}).fetchall()
    for row in rows:
        bind.execute(sa.text("UPDATE r2 SET more = :n WHERE id = :id"), {"n": row[0] * 10, "id": row[0]})
    assert "more" in [column["name"] for column in sa.inspect(bind).get_columns("r2")]
    """, """
    with op.batch_alter_table("r2") as batch:
        batch.drop_column("more")
    """)}

BRANCHES = {**table("a1", None, labels="left"), **table("b1", "a1"), **table("b2", "a1"), **table("m1", ("b1", "b2")),
            **table("c1", None, labels="right"), **table("c2", "c1", depends="b2")}

ASYNC = own_env("""
    import asyncio
    from sqlalchemy.ext.asyncio import create_async_engine
    def do_run(connection):
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
    async def online():
        engine = create_async_engine(os.environ["DATABASE_URL"], poolclass=sa.pool.NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(do_run)
        await engine.dispose()
    asyncio.run(online())
    """)

MULTIDB = {**own_env("""
    engines = {name: {"engine": sa.create_engine(os.environ[url])}
               for name, url in (("one", "DATABASE_URL"), ("two", "SECOND_URL"))}
    try:
        for name, held in engines.items():
            held["connection"] = held["engine"].connect()
            held["transaction"] = held["connection"].begin()
        for name, held in engines.items():
            context.configure(connection=held["connection"], upgrade_token="%s_upgrades" % name,
                              downgrade_token="%s_downgrades" % name)
            context.run_migrations(engine_name=name)
        for held in engines.values():
            held["transaction"].commit()
    except BaseException:
        for held in engines.values():
            held["transaction"].rollback()
        raise
    finally:
        for held in engines.values():
            held["connection"].close()
    """), **revision("r1", None, 'globals()["up_" + engine_name]()', 'op.drop_table("t_" + engine_name)',
                     arguments="engine_name", head="""
def up_one():
    op.create_table("t_one", sa.Column("id", sa.Integer))
def up_two():
    op.create_table("t_two", sa.Column("id", sa.Integer))
""")}

TENANTS = {**own_env("""
    engine = sa.create_engine(os.environ["DATABASE_URL"])
    with engine.connect() as connection:
        for tenant in ("amy", "bob"):
            connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS " + tenant))
            connection.execute(sa.text("SET search_path TO " + tenant))
            if hasattr(connection, "commit"):
                connection.commit()
            connection.dialect.default_schema_name = tenant
            context.configure(connection=connection, version_table="versions", version_table_schema=tenant)
            with context.begin_transaction():
                context.run_migrations()
    """), **LINE}


def broken(up="pass", head="", configure=""):
    """Three revisions, the second of which does this after it has made a table."""
    body = 'op.create_table("half", sa.Column("id", sa.Integer))\n' + textwrap.dedent(up).strip()
    return {**env(configure), **table("r1", None), **revision("r2", "r1", body, head=head), **table("r3", "r2")}
